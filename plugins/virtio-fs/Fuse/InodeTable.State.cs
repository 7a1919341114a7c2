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
            for (int files = from.ReadInt32(); files > 0; files--)
            {
                ulong nodeId = from.ReadUInt64();
                Inode inode = PlaceAt((uint)nodeId - 1);
                if (inode.NodeId != 0) throw new InvalidDataException($"file {nodeId} is there twice");
                inode.NodeId = nodeId;
                inode.Key = ReadKey(from);
                inode.Type = from.ReadUInt32();
                inode.Lookups = from.ReadUInt64();
                ulong parent = from.ReadUInt64();
                Span<byte> known = name[..from.ReadByte()];
                from.BaseStream.ReadExactly(known);
                inode.SetPlace(parent, known);
                bool keeps = from.ReadBoolean();
                if (!_byKey.TryAdd(inode.Key, inode)) throw new InvalidDataException($"file {nodeId} is known by another number too");
                if (!keeps) continue;
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
        to.Write(inode.NodeId);
        Save(to, inode.Key);
        to.Write(inode.Type);
        to.Write(inode.Lookups);
        to.Write(inode.Parent);
        to.Write((byte)inode.NameLength);
        to.Write(inode.Name, 0, inode.NameLength);
        to.Write(keeps);
    }

    private static void Save(BinaryWriter to, in InodeKey key)
    {
        to.Write(key.Device);
        to.Write(key.Number);
        to.Write(key.Born);
        to.Write(key.BornNanoseconds);
    }

    private static InodeKey ReadKey(BinaryReader from) => new(from.ReadUInt64(), from.ReadUInt64(), from.ReadInt64(), from.ReadInt64());

    /// <summary>A certain place, used or not; those before it are there as well then.</summary>
    private Inode PlaceAt(uint index)
    {
        if (index >= (uint)_most) throw new InvalidDataException($"the guest knows file {index} of {_most}");
        while (_count <= index) _ = Place();
        return At((int)index);
    }
}
