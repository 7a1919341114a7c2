using System.Runtime.InteropServices;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// What another instance in the same process goes on with.
internal sealed partial class HandleTable
{
    /// <summary>Writes all that is open. Nothing is pinned.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="descriptors">Descriptors are added.</param>
    public void Save(BinaryWriter to, List<SafeHandle> descriptors)
    {
        lock (_lock)
        {
            uint uses = 0;
            int open = 0;
            for (int i = 0; i < _count; i++)
            {
                uses = Math.Max(uses, At(i).Uses);
                if (At(i).IsOpen) open++;
            }

            to.Write(uses);
            to.Write(open);
            for (int i = 0; i < _count; i++)
            {
                OpenFile file = At(i);
                if (!file.IsOpen) continue;
                to.Write(file.Handle);
                to.Write(file.NodeId);
                to.Write(file.IsDirectory);
                to.Write(file.Position);
                to.Write((ushort)(file.Past - file.First));
                if (file.Entries is { } entries) to.Write(entries, file.First, file.Past - file.First);
                descriptors.Add(Succession.Lend(file.Descriptor));
            }
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote, into a table with nothing open.</summary>
    /// <param name="from">Where from.</param>
    /// <param name="descriptors">The descriptors; stay the caller's.</param>
    /// <param name="next">The next one to take.</param>
    /// <exception cref="InvalidDataException">It does not make sense.</exception>
    /// <exception cref="Linux.Errors.LinuxException">There is no descriptor left.</exception>
    public void Restore(BinaryReader from, IReadOnlyList<SafeHandle> descriptors, ref int next)
    {
        lock (_lock)
        {
            _firstUse = from.ReadUInt32();
            for (int open = from.ReadInt32(); open > 0; open--)
            {
                ulong handle = from.ReadUInt64();
                uint index = (uint)handle - 1;
                if (index >= ChunkSize * Chunks) throw new InvalidDataException($"handle {handle} is outside the table");
                while (_count <= index) _ = Grow();
                OpenFile file = At((int)index);
                if (file.IsOpen) throw new InvalidDataException($"handle {handle} is there twice");
                file.Handle = handle;
                file.NodeId = from.ReadUInt64();
                file.IsDirectory = from.ReadBoolean();
                file.Position = from.ReadInt64();
                file.Past = from.ReadUInt16();
                if (file.Past > OpenFile.EntriesLength) throw new InvalidDataException($"{file.Past} bytes of entries");
                if (file.Past > 0)
                {
                    file.Entries = TakeEntries();
                    from.BaseStream.ReadExactly(file.Entries, 0, file.Past);
                }

                file.Open(Succession.Take(descriptors, ref next, budget), pins: 0);
            }

            _free = null;
            for (int i = _count - 1; i >= 0; i--)
            {
                OpenFile file = At(i);
                file.Uses = _firstUse;
                if (file.IsOpen) continue;
                file.NextFree = _free;
                _free = file;
            }
        }
    }
}
