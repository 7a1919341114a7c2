namespace Plugvisor.Linux.Consoles;

/// <summary>Takes everything, says nothing.</summary>
public sealed class NullBackend : ICharacterBackend
{
    /// <inheritdoc/>
    public int EventDescriptor => -1;

    /// <inheritdoc/>
    public string? Path => null;

    /// <inheritdoc/>
    public ulong DroppedBytes => 0;

    /// <inheritdoc/>
    public int Read(Span<byte> destination) => 0;

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Dispose() { }
}
