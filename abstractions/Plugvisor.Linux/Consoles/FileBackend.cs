using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Linux.Consoles;

/// <summary>Writes what the guest says to a file, which starts empty. There is no input.</summary>
public sealed partial class FileBackend : ICharacterBackend
{
    private const int O_WRONLY = 1, O_CREAT = 0x40, O_NOCTTY = 0x100, O_TRUNC = 0x200, O_CLOEXEC = 0x80000;
    private const int OwnerReadWrite = 0x180;   // 0600
    private const int EINTR = 4;

    private readonly Lock _lock = new();
    private int _descriptor;
    private ulong _dropped;
    private SafeHandle[]? _handles;

    /// <summary>Creates or empties the file.</summary>
    /// <exception cref="LinuxException">It cannot be opened for writing.</exception>
    public FileBackend(string path)
    {
        do
        {
            _descriptor = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_TRUNC | O_CLOEXEC, OwnerReadWrite);
        }
        while (_descriptor < 0 && Marshal.GetLastSystemError() == EINTR);
        if (_descriptor < 0) throw new LinuxException($"open console file {path} for writing", Marshal.GetLastSystemError());
    }

    /// <summary>Goes on with a file that another back end has opened, where that has got to.</summary>
    /// <param name="handles">What <see cref="Handles"/> gave; they are duplicated.</param>
    /// <exception cref="LinuxException">There is no descriptor left.</exception>
    public FileBackend(IReadOnlyList<SafeHandle> handles)
    {
        ArgumentNullException.ThrowIfNull(handles);
        _descriptor = FileDescriptor.DuplicateNumber(handles[0]);
    }

    /// <summary>The file, for a back end that goes on with it. It stays this one's.</summary>
    public IReadOnlyList<SafeHandle> Handles => _handles ??= [new SafeFileHandle(_descriptor, ownsHandle: false)];

    /// <inheritdoc/>
    public int EventDescriptor => -1;

    /// <inheritdoc/>
    public string? Path => null;

    /// <inheritdoc/>
    public ulong DroppedBytes
    {
        get
        {
            lock (_lock) return _dropped;
        }
    }

    /// <inheritdoc/>
    public int Read(Span<byte> destination) => 0;

    /// <summary>Appends to the file. What a full disk does not take is dropped; later output is tried again.</summary>
    public void Write(ReadOnlySpan<byte> source)
    {
        lock (_lock)
        {
            while (!source.IsEmpty)
            {
                int count = _descriptor < 0 ? ConsoleIo.Gone : ConsoleIo.Write(_descriptor, source);
                if (count <= 0)
                {
                    _dropped += (ulong)source.Length;
                    return;
                }

                source = source[count..];
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_descriptor >= 0) ConsoleIo.Close(_descriptor);
            _descriptor = -1;
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);
}
