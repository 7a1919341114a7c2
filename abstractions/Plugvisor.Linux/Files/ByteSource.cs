using System.Runtime.InteropServices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Files;

/// <summary>
/// A file, device or FIFO that is read from front to back and never waited for. One thread reads; nothing is locked.
/// </summary>
public sealed unsafe partial class ByteSource : SafeHandle
{
    /// <summary><see cref="Read"/>: nothing now; poll <see cref="Descriptor"/>.</summary>
    public const int WouldBlock = ConsoleIo.WouldBlock;

    /// <summary><see cref="Read"/>: the end, or an error that will not go away.</summary>
    public const int Ended = ConsoleIo.Gone;

    private const int O_RDONLY = 0, O_NOCTTY = 0x100, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    private const int EINTR = 4;

    /// <summary>Opens for reading.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public ByteSource(string path) : base(-1, ownsHandle: true)
    {
        int descriptor;
        do descriptor = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        while (descriptor < 0 && Marshal.GetLastSystemError() == EINTR);
        if (descriptor < 0) throw new LinuxException($"open {path}", Marshal.GetLastSystemError());
        SetHandle(descriptor);
    }

    private ByteSource(int descriptor) : base(-1, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor, for poll sets.</summary>
    public int Descriptor => (int)handle;

    /// <summary>Goes on with a source that is open already, where that has got to.</summary>
    /// <param name="handle">A descriptor of it, such as another source; it is duplicated.</param>
    /// <exception cref="LinuxException">There is no descriptor left.</exception>
    public static ByteSource Duplicate(SafeHandle handle) => new(FileDescriptor.DuplicateNumber(handle));

    /// <summary>Reads what there is.</summary>
    /// <returns>Bytes read, at least 1; or <see cref="WouldBlock"/> or <see cref="Ended"/>.</returns>
    public int Read(Span<byte> destination) => ConsoleIo.Read((int)handle, destination);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        ConsoleIo.Close((int)handle);
        return true;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);
}
