using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Boot;

/// <summary>
/// A kernel, firmware or initramfs file: untrusted, and possibly changing while it is read. It is read by pread in pieces, into small
/// buffers or straight into guest RAM, never mapped: a truncated mapping would be a SIGBUS.
/// </summary>
internal sealed unsafe class PayloadFile : IDisposable
{
    private const int Piece = 64 << 20;
    private const int ENOENT = 2;

    private readonly LinuxFile _file;

    private PayloadFile(LinuxFile file, string name, ulong length)
    {
        _file = file;
        Name = name;
        Length = length;
    }

    /// <summary>What it is and where, as errors begin: <c>kernel /boot/vmlinuz</c>.</summary>
    public string Name { get; }

    /// <summary>Bytes when it was opened.</summary>
    public ulong Length { get; }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="BootException">It cannot be opened, is no regular file, or is empty.</exception>
    public static PayloadFile Open(string kind, string path)
    {
        string name = $"{kind} {path}";
        if (path.Length == 0) throw new BootException($"{kind}: the path is empty");
        if (path.Contains('\0')) throw new BootException($"{kind}: the path has a NUL character in it");
        LinuxFile? file = null;
        try
        {
            file = LinuxFile.Open(path, FileOpen.Read);
            FileStatus status = file.ReadStatus();
            if (status.Kind == FileKind.Other)
                throw new BootException(Directory.Exists(path) ? $"{name} is a directory" : $"{name} is not a regular file");
            if (status.Size == 0) throw new BootException($"{name} is empty");
            return new PayloadFile(file, name, status.Size);
        }
        catch (BootException)
        {
            file?.Dispose();
            throw;
        }
        catch (LinuxException e)
        {
            file?.Dispose();
            throw new BootException(e.Errno == ENOENT ? $"{name} does not exist" : $"{name} cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>An error about this file.</summary>
    public BootException Bad(string what) => new($"{Name}: {what}");

    /// <summary>Whether a range lies inside the file.</summary>
    public bool Contains(ulong offset, ulong length) => offset <= Length && length <= Length - offset;

    /// <summary>Reads a range that must be there.</summary>
    /// <param name="offset">Where in the file.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="what">Names the range in the error.</param>
    /// <exception cref="BootException">The file ends before, or cannot be read.</exception>
    public void Read(ulong offset, Span<byte> destination, string what)
    {
        if (!Contains(offset, (ulong)destination.Length)) throw EndsBefore(what, offset, (ulong)destination.Length);
        while (!destination.IsEmpty)
        {
            int count = _file.ReadAt(destination, offset);
            if (count < 0)
            {
                var cause = new LinuxException("read", -count);
                throw new BootException($"{Name} cannot be read: {cause.Message}", cause);
            }

            if (count == 0) throw Bad("the file became shorter while it was read");
            destination = destination[count..];
            offset += (ulong)count;
        }
    }

    /// <summary>Reads a range that must be there into guest RAM that must be there.</summary>
    /// <exception cref="BootException">The file or the RAM ends before, or the file cannot be read.</exception>
    public void ReadToGuest(ulong offset, ulong length, GuestMemory memory, ulong address, string what)
    {
        if (!Contains(offset, length)) throw EndsBefore(what, offset, length);
        if (!memory.TryTranslate(address, (nuint)length, out byte* pointer)) throw OutsideRam(what, address, length);
        while (length > 0)
        {
            int count = (int)Math.Min(length, Piece);
            // SAFETY: TryTranslate checked the whole range, and count is at most what is left of it.
            Read(offset, new Span<byte>(pointer, count), what);
            pointer += count;
            offset += (ulong)count;
            length -= (ulong)count;
        }
    }

    /// <summary>The error for a part that does not fit in RAM.</summary>
    public BootException OutsideRam(string what, ulong address, ulong length) =>
        Bad($"{what} (0x{length:x} bytes at 0x{address:x}) does not lie in guest memory: is the memory size too small?");

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private BootException EndsBefore(string what, ulong offset, ulong length) =>
        Bad($"{what} (0x{length:x} bytes at offset 0x{offset:x}) lies past the end of the file ({ByteSize.Format(Length)}): is it truncated?");
}
