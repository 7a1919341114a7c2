namespace Plugvisor.Linux.Consoles;

/// <summary>
/// What a serial port or console of the guest is connected to. Nothing here ever blocks on the other side: output that
/// nobody takes is kept up to a bound, and beyond it the oldest is dropped.
/// <para>
/// <see cref="Write"/> may be called by any thread, <see cref="Read"/> by one thread at a time, each concurrently with the other.
/// </para>
/// </summary>
public interface ICharacterBackend : IDisposable
{
    /// <summary>
    /// Watch this for <c>Readable | EdgeTriggered</c> and call <see cref="Read"/> on each event until it returns 0. It also
    /// becomes readable for work that is not input (room for pending output, a client that connects), which Read does. -1:
    /// nothing ever happens here.
    /// </summary>
    int EventDescriptor { get; }

    /// <summary>Whether the other side's file should be shown in <c>vm.info</c>: the pty's path, or null.</summary>
    string? Path { get; }

    /// <summary>Bytes of output that were dropped because nobody took them.</summary>
    ulong DroppedBytes { get; }

    /// <summary>
    /// Takes input, after doing what else is to be done. A caller that has no room may come back any time later.
    /// </summary>
    /// <returns>Bytes read; 0 when there is none now.</returns>
    int Read(Span<byte> destination);

    /// <summary>Sends output: at once as far as the other side takes it, the rest later.</summary>
    void Write(ReadOnlySpan<byte> source);
}
