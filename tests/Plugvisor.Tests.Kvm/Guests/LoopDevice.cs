namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>A block device over a file, gone with its last user after it was disposed.</summary>
internal sealed class LoopDevice : IDisposable
{
    /// <param name="file">The file.</param>
    /// <param name="block">Bytes of the device's logical block.</param>
    public LoopDevice(string file, int block = 512) =>
        Path = PrivilegedHost.Run("losetup", "--sector-size", $"{block}", "--find", "--show", file);

    /// <summary>The device.</summary>
    public string Path { get; }

    public void Dispose() => PrivilegedHost.Run("losetup", "--detach", Path);
}
