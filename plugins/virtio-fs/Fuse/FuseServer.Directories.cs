using System.Runtime.CompilerServices;
using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// Open directories and their entries.
internal sealed unsafe partial class FuseServer
{
    private const int DirectoryFlags = FuseSpec.O_RDONLY | FuseSpec.O_DIRECTORY | FuseSpec.O_CLOEXEC;
    private const int SEEK_SET = 0;

    /// <summary>struct linux_dirent64: inode, offset, record length, type, name.</summary>
    private const int DirentLength = 16, DirentType = 18, DirentName = 19;

    private int OpenDir(Request request)
    {
        if (!request.TryTake(out OpenIn _)) return -FuseSpec.EINVAL;
        int error = _inodes.Pin(request.Header.NodeId, out Inode inode);
        if (error != 0) return -error;
        int result = inode.IsDirectory ? 0 : -FuseSpec.ENOTDIR;
        if (result == 0 && !_inodes.TryTakeDescriptor()) result = -FuseSpec.ENFILE;
        if (result == 0)
        {
            int descriptor = ProcPath.Open(inode.Descriptor, DirectoryFlags);
            if (descriptor < 0) _budget.Return();
            result = descriptor < 0 ? descriptor : AddHandle(ref request.Answer<OpenOut>(), descriptor, inode.NodeId, isDirectory: true);
        }

        _inodes.Unpin(inode);
        return result < 0 ? result : sizeof(OpenOut);
    }

    private int ReadDir(Request request, bool plus)
    {
        if (!request.TryTake(out TransferIn read)) return -FuseSpec.EINVAL;
        if (!_handles.TryPin(read.Handle, isDirectory: true, out OpenFile? file)) return -FuseSpec.EBADF;
        int room = (int)Math.Min(Math.Min(read.Size, (uint)request.Room), Request.MaxOutput);
        int error = _inodes.Pin(file.NodeId, out Inode directory);
        int result = -error;
        if (error == 0)
        {
            // One descriptor has one position.
            lock (file.Reading) result = ReadDir(request, file, directory, (long)read.Offset, room, plus);
            _inodes.Unpin(directory);
        }

        _handles.Unpin(file);
        return result;
    }

    private int ReadDir(Request request, OpenFile file, Inode directory, long offset, int room, bool plus)
    {
        int fixedLength = sizeof(DirEntry) + (plus ? sizeof(EntryOut) : 0);
        int done = 0;
        if (file.Position != offset)
        {
            long position = TreeCalls.Seek(file.Descriptor, offset, SEEK_SET);
            if (position < 0) return (int)position;
            file.Position = offset;
            file.First = file.Past = 0;
        }

        file.Entries ??= _handles.TakeEntries();
        byte* entries = (byte*)Unsafe.AsPointer(ref file.Entries[0]);
        while (true)
        {
            if (file.First == file.Past)
            {
                int count = TreeCalls.Entries(file.Descriptor, entries, OpenFile.EntriesLength);
                if (count <= 0) return done > 0 ? done : count;
                (file.First, file.Past) = (0, count);
            }

            byte* entry = entries + file.First, name = entry + DirentName;
            int length = Unsafe.ReadUnaligned<ushort>(entry + DirentLength);
            int nameLength = new ReadOnlySpan<byte>(name, length - DirentName).IndexOf((byte)0);
            // Some filesystems (FAT, FUSE) have longer names than a guest could ask for.
            if (nameLength is >= 0 and <= FuseName.MaxLength)
            {
                int size = (fixedLength + nameLength + 7) & ~7;
                if (done + size > room) return done > 0 ? done : -FuseSpec.EINVAL;
                Put(request.Output + done, entry, name, nameLength, directory, plus);
                done += size;
            }

            file.Position = Unsafe.ReadUnaligned<long>(entry + sizeof(ulong));
            file.First += length;
        }
    }

    /// <summary>Writes one entry.</summary>
    private void Put(byte* target, byte* entry, byte* name, int nameLength, Inode directory, bool plus)
    {
        bool isDot = name[0] == '.' && (nameLength == 1 || (nameLength == 2 && name[1] == '.'));
        DirEntry answer;
        answer.Inode = Unsafe.ReadUnaligned<ulong>(entry);
        answer.Offset = Unsafe.ReadUnaligned<ulong>(entry + sizeof(ulong));
        answer.NameLength = (uint)nameLength;
        answer.Type = entry[DirentType];
        // What is above the shared directory is nobody's business.
        if (isDot && directory == _inodes.Root) answer.Inode = directory.Key.Number;
        if (plus)
        {
            EntryOut known = default;   // with node id 0 the guest takes the name only
            if (!isDot && _inodes.Lookup(directory, name, nameLength, out TreeStatus status, out ulong nodeId) == 0)
            {
                SetEntry(ref known, nodeId, status);
                answer.Inode = known.Attributes.Inode;
            }

            Unsafe.WriteUnaligned(target, known);
            target += sizeof(EntryOut);
        }

        Unsafe.WriteUnaligned(target, answer);
        target += sizeof(DirEntry);
        Span<byte> text = new(target, (nameLength + 7) & ~7);
        new ReadOnlySpan<byte>(name, nameLength).CopyTo(text);
        text[nameLength..].Clear();
    }
}
