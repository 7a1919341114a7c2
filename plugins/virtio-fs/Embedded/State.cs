using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Plugins.VirtioFs.Fuse;

namespace Plugvisor.Plugins.VirtioFs.Embedded;

/// <summary>
/// What a shared directory carries from one instance to the next: the format's version, what the guest knows and what it has open. It goes on in the same process only, as
/// a name may be another file's by now and an open file may have none.
/// </summary>
internal static class State
{
    // Files are saved as they lie in memory (InodeTable.SavedInode): whoever changes that, or InodeKey, counts this up.
    private const byte Version = 1;

    // A file takes some 100 bytes, and about a microsecond each to save and to read, with all queues stopped.
    private const int MostFiles = 256 << 10, BytesOfFile = 100;

    /// <summary>The state as it is saved. No queue runs.</summary>
    /// <param name="id">The device's.</param>
    /// <param name="server">Whose state it is.</param>
    /// <param name="handles">Gets what belongs to it.</param>
    /// <param name="most">The most files that the guest may know.</param>
    /// <exception cref="DeviceException">The guest knows too much.</exception>
    public static byte[] Save(string id, FuseServer server, List<SafeHandle> handles, int most = MostFiles)
    {
        int files = server.KnownFiles;
        if (files > most)
        {
            throw new DeviceException(
                $"fs {id}: the guest knows {files} files, more than the {most} that new code can take over at once; it forgets them by 'echo 2 > /proc/sys/vm/drop_caches'");
        }

        using var bytes = new MemoryStream(files * BytesOfFile);
        using var to = new BinaryWriter(bytes);
        to.Write(Version);
        server.Save(to, handles);
        to.Flush();
        return bytes.ToArray();
    }

    /// <summary>Goes on where an earlier instance stands.</summary>
    /// <param name="request">What the new device is to be.</param>
    /// <param name="server">Gets what the guest knows; has been opened with the first of what was inherited.</param>
    /// <exception cref="DeviceException">The state cannot be used.</exception>
    public static void Restore(DeviceRequest request, FuseServer server)
    {
        if (request.SavedState.IsEmpty) return;
        try
        {
            using var from = new BinaryReader(new MemoryStream(request.SavedState.ToArray()));
            byte version = from.ReadByte();
            if (version != Version) throw new InvalidDataException($"it has version {version}, this plugin knows {Version}");
            if (request.Inherited.Count == 0) throw new InvalidDataException("the descriptors of the guest's files did not come along");
            server.Restore(from, request.Inherited);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or LinuxException)
        {
            throw new DeviceException($"fs {request.Id}: the state of the instance before cannot be used: {e.Message}", e);
        }
    }
}
