using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>The files that a guest has open. Any thread. Looking one up takes no lock.</summary>
internal sealed partial class HandleTable(DescriptorBudget budget)
{
    private const int ChunkSize = 256, Chunks = 256;

    /// <summary>Buffers that are kept for the next directories.</summary>
    private const int SpareBuffers = 16;

    private readonly Lock _lock = new();
    private readonly OpenFile[]?[] _chunks = new OpenFile[Chunks][];
    private readonly Stack<byte[]> _spare = new(SpareBuffers);
    private OpenFile? _free;
    private int _count;
    private uint _firstUse;   // as that of the inodes

    /// <summary>Takes over a descriptor, for which the budget was asked.</summary>
    /// <returns>The handle; 0 when there is no room: the caller keeps the descriptor.</returns>
    public ulong Add(int descriptor, ulong nodeId, bool isDirectory)
    {
        lock (_lock)
        {
            OpenFile? file = _free ?? Grow();
            if (file is null) return 0;
            _free = file.NextFree;
            file.NextFree = null;
            file.Handle = (ulong)file.Uses++ << 32 | (uint)(file.Index + 1);
            file.NodeId = nodeId;
            file.IsDirectory = isDirectory;
            file.Position = file.First = file.Past = 0;
            file.Open(descriptor, pins: 0);
            return file.Handle;
        }
    }

    /// <summary>Finds an open file and pins it.</summary>
    public bool TryPin(ulong handle, bool isDirectory, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out OpenFile? file)
    {
        file = Find(handle);
        if (file is null || !file.TryPin())
        {
            file = null;
            return false;
        }

        if (file.Handle == handle && !file.IsEnding && file.IsDirectory == isDirectory) return true;
        Unpin(file);
        file = null;
        return false;
    }

    /// <summary>A buffer for <see cref="OpenFile.Entries"/>, which comes back when the directory is closed. Pinned, as the kernel writes to it.</summary>
    public byte[] TakeEntries()
    {
        lock (_lock) return _spare.TryPop(out byte[]? entries) ? entries : GC.AllocateUninitializedArray<byte>(OpenFile.EntriesLength, pinned: true);
    }

    /// <summary>Gives the pin back.</summary>
    public void Unpin(OpenFile file)
    {
        if (!file.Unpin()) return;
        lock (_lock) End(file);
    }

    /// <summary>Closes one, as soon as nobody uses it.</summary>
    /// <returns>False when there is none.</returns>
    public bool Remove(ulong handle, bool isDirectory)
    {
        lock (_lock)
        {
            if (Find(handle) is not { IsOpen: true, IsEnding: false } file || file.Handle != handle || file.IsDirectory != isDirectory) return false;
            file.End();
            End(file);
            return true;
        }
    }

    /// <summary>Closes all.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            for (int i = 0; i < _count; i++)
            {
                OpenFile file = At(i);
                if (!file.IsOpen || file.IsEnding) continue;
                file.End();
                End(file);
            }
        }
    }

    private OpenFile At(int index) => _chunks[index / ChunkSize]![index % ChunkSize];

    private OpenFile? Find(ulong handle)
    {
        uint index = (uint)handle - 1;
        return index < ChunkSize * Chunks ? Volatile.Read(ref _chunks[index / ChunkSize])?[index % ChunkSize] : null;
    }

    private void End(OpenFile file)
    {
        if (!file.TryClose(out int descriptor)) return;
        _ = TreeCalls.Close(descriptor);
        budget.Return();
        file.Handle = 0;
        if (file.Entries is { } entries && _spare.Count < SpareBuffers) _spare.Push(entries);
        file.Entries = null;
        file.NextFree = _free;
        _free = file;
    }

    private OpenFile? Grow()
    {
        if (_count == ChunkSize * Chunks) return null;
        OpenFile[] chunk = new OpenFile[ChunkSize];
        for (int i = ChunkSize - 1; i >= 0; i--)
        {
            chunk[i] = new OpenFile(_count + i) { NextFree = _free, Uses = _firstUse };
            _free = chunk[i];
        }

        Volatile.Write(ref _chunks[_count / ChunkSize], chunk);
        _count += ChunkSize;
        return _free;
    }
}
