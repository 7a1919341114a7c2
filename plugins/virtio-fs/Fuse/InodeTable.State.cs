using System.Runtime.InteropServices;
using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// What another instance in the same process goes on with.
internal sealed unsafe partial class InodeTable
{
    /// <summary>
    /// Files that keep their descriptor, the last ones used. Each costs two system calls while the queues stand still; the others are found again by directory and
    /// name, as those are that have lost theirs.
    /// </summary>
    private const int MostHandedOver = 4096;

    /// <summary>Writes all that the guest knows. Nothing is pinned.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="handles">Descriptors are added, the root's first.</param>
    public void Save(BinaryWriter to, List<SafeHandle> handles)
    {
        lock (_lock)
        {
            handles.Add(Succession.Lend(Root.Descriptor));
            Save(to, Root.Key);
            // Numbers that were used must not come again, for another file.
            uint uses = 0;
            for (int i = 0; i < _count; i++) uses = Math.Max(uses, At(i).Uses);
            to.Write(uses);
            to.Write(_byKey.Count - 1);
            int left = _open.Count + _nameless.Count;
            foreach (InodeList list in (ReadOnlySpan<InodeList>)[_nameless, _open])
            {
                for (Inode? inode = list.Oldest; inode is not null; inode = inode.Newer)
                {
                    bool keeps = left-- <= MostHandedOver || list == _nameless || IsNameless(inode);
                    Save(to, inode, keeps);
                    if (keeps) handles.Add(Succession.Lend(inode.Descriptor));
                }
            }

            for (int i = 0; i < _count; i++)
            {
                Inode inode = At(i);
                if (inode.NodeId != 0 && !inode.IsOpen) Save(to, inode, keeps: false);
            }
        }
    }

    /// <summary>Reads what <see cref="Save(BinaryWriter, List{SafeHandle})"/> wrote, into a table that knows the root only.</summary>
    /// <param name="from">Where from.</param>
    /// <param name="handles">The descriptors; stay the caller's.</param>
    /// <param name="next">The next one to take.</param>
    /// <exception cref="InvalidDataException">It does not make sense.</exception>
    /// <exception cref="Linux.Errors.LinuxException">There is no descriptor left.</exception>
    public void Restore(BinaryReader from, IReadOnlyList<SafeHandle> handles, ref int next)
    {
        Span<byte> name = stackalloc byte[byte.MaxValue];
        lock (_lock)
        {
            if (ReadKey(from) != Root.Key) throw new InvalidDataException("it is of another directory");
            _firstUse = from.ReadUInt32();
            int files = from.ReadInt32();
            _byKey.EnsureCapacity(Math.Clamp(files, 0, _most) + 1);
            for (; files > 0; files--)
            {
                SavedInode saved = default;
                from.BaseStream.ReadExactly(MemoryMarshal.AsBytes(new Span<SavedInode>(ref saved)));
                Inode inode = PlaceAt((uint)saved.NodeId - 1);
                if (inode.NodeId != 0) throw new InvalidDataException($"file {saved.NodeId} is there twice");
                inode.NodeId = saved.NodeId;
                inode.Key = saved.Key;
                inode.Lookups = saved.Lookups;
                Span<byte> known = name[..saved.NameLength];
                from.BaseStream.ReadExactly(known);
                inode.SetPlace(saved.Parent, known);
                if (!_byKey.TryAdd(inode.Key, inode)) throw new InvalidDataException($"file {saved.NodeId} is known by another number too");
                if (saved.Keeps == 0) continue;
                inode.Open(Succession.Take(handles, ref next, _budget), pins: 0);
                _open.Append(inode);
            }

            for (int i = _count - 1; i >= 0; i--)
            {
                Inode inode = At(i);
                inode.Uses = _firstUse;
                if (inode.NodeId == 0) _free.Push(inode);
            }
        }
    }

    private static bool IsNameless(Inode inode)
    {
        TreeStatus now;
        byte empty = 0;
        return TreeCalls.Status(inode.Descriptor, &empty, TreeCalls.EmptyPath, &now) < 0 || now.Links == 0;
    }

    private static void Save(BinaryWriter to, Inode inode, bool keeps)
    {
        var saved = new SavedInode
        {
            NodeId = inode.NodeId, Key = inode.Key, Lookups = inode.Lookups, Parent = inode.Parent, NameLength = (byte)inode.NameLength,
            Keeps = keeps ? (byte)1 : (byte)0,
        };
        to.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<SavedInode>(in saved)));
        to.Write(inode.Name, 0, inode.NameLength);
    }

    private static void Save(BinaryWriter to, in InodeKey key)
    {
        to.Write(key.Device);
        to.Write(key.Number);
        to.Write(key.Born);
        to.Write(key.BornNanoseconds);
        to.Write(key.Type);
    }

    private static InodeKey ReadKey(BinaryReader from) => new(from.ReadUInt64(), from.ReadUInt64(), from.ReadInt64(), from.ReadInt64(), from.ReadUInt32());

    /// <summary>A certain place, used or not; those before it are there as well then.</summary>
    private Inode PlaceAt(uint index)
    {
        if (index >= (uint)_most) throw new InvalidDataException($"the guest knows file {index} of {_most}");
        while (_count <= index) _ = Place();
        return At((int)index);
    }

    /// <summary>A file as it is saved; its name follows. Whole, as there are many of them and the guest waits.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SavedInode
    {
        public ulong NodeId;
        public InodeKey Key;
        public ulong Lookups, Parent;
        public byte NameLength, Keeps;
    }
}
