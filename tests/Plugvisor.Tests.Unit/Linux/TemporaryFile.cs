namespace Plugvisor.Tests.Unit.Linux;

/// <summary>A file on a real disk (not tmpfs, so that O_DIRECT and holes work), removed at the end.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private const string Folder = "/var/tmp";

    public TemporaryFile(ReadOnlySpan<byte> content = default, long length = -1)
    {
        Path = System.IO.Path.Combine(Folder, $"plugvisor-test-{Guid.NewGuid():N}");
        using FileStream stream = File.Create(Path);
        stream.Write(content);
        if (length >= 0) stream.SetLength(length);
    }

    public string Path { get; }

    public byte[] ReadAll() => File.ReadAllBytes(Path);

    public void Dispose() => File.Delete(Path);
}
