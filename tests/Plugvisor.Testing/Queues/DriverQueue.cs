using Plugvisor.Testing.Memory;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Testing.Queues;

/// <summary>
/// The driver's side of a split virtqueue (virtio 1.2 section 2.7) in <see cref="GuestMemoryMock"/>: what a guest's driver
/// does, for tests of devices. One thread uses it. Nothing is allocated after the first use of a descriptor, so it can be
/// used to measure.
/// <para>
/// The well-behaved part is <see cref="Add"/>, <see cref="Kick"/> and <see cref="TryCollect"/>. The members that start with
/// "Set" write the ring as they are told, for tests of what a hostile driver does.
/// </para>
/// </summary>
public sealed unsafe class DriverQueue
{
    private const int DescriptorSize = 16;

    private readonly GuestMemoryMock _ram;
    private readonly byte* _descriptors;
    private readonly ushort* _avail, _used;
    private readonly bool _eventIndex;
    private readonly ushort[] _next;              // our own copy: the list of free descriptors, and the chains in flight
    private readonly int[] _chainLength;          // by head; 0 when it is not in flight
    private readonly (ulong Address, int Entries)[] _tables;
    private ushort _firstFree, _addedIndex, _kickedIndex, _collectedIndex;

    /// <summary>Makes an empty queue in newly allocated guest memory.</summary>
    /// <param name="ram">Where the rings and indirect tables go.</param>
    /// <param name="size">Entries, a power of two.</param>
    /// <param name="features">Negotiated features; EVENT_IDX matters.</param>
    public DriverQueue(GuestMemoryMock ram, int size, ulong features = 0)
    {
        _ram = ram;
        Size = size;
        Features = features;
        DescriptorTable = ram.Allocate(DescriptorSize * size, 16);
        AvailRing = ram.Allocate(6 + 2 * size, 2);
        UsedRing = ram.Allocate(6 + 8 * size, 4);
        _descriptors = ram.Pointer(DescriptorTable, DescriptorSize * size);
        _avail = (ushort*)ram.Pointer(AvailRing, 6 + 2 * size);
        _used = (ushort*)ram.Pointer(UsedRing, 6 + 8 * size);
        _eventIndex = VirtioFeatures.Has(features, VirtioFeatures.VIRTIO_F_EVENT_IDX);
        _next = new ushort[size];
        for (int i = 0; i < size; i++) _next[i] = (ushort)(i + 1);
        _chainLength = new int[size];
        _tables = new (ulong, int)[size];
        FreeDescriptors = size;
    }

    /// <summary>Entries.</summary>
    public int Size { get; }

    /// <summary>What was negotiated.</summary>
    public ulong Features { get; }

    /// <summary>Guest address of the descriptor area.</summary>
    public ulong DescriptorTable { get; }

    /// <summary>Guest address of the driver area.</summary>
    public ulong AvailRing { get; }

    /// <summary>Guest address of the device area.</summary>
    public ulong UsedRing { get; }

    /// <summary>Descriptors that are not in flight.</summary>
    public int FreeDescriptors { get; private set; }

    /// <summary>Chains made available and not collected yet.</summary>
    public int InFlight => (ushort)(_addedIndex - _collectedIndex);

    /// <summary>The available index as the driver last published it.</summary>
    public ushort AvailIndex => _kickedIndex;

    /// <summary>The used index, read from the ring with acquire.</summary>
    public ushort UsedIndex => Volatile.Read(ref _used[1]);

    /// <summary>The index of the next used entry that <see cref="TryCollect"/> looks at.</summary>
    public ushort CollectedIndex => _collectedIndex;

    /// <summary>Makes the device's side of this queue, as a transport does.</summary>
    /// <param name="fault">Hears when the ring is malformed.</param>
    /// <param name="state">Where the device goes on.</param>
    public SplitVirtqueue CreateDeviceSide(IQueueFault fault, QueueState state = default) =>
        SplitVirtqueue.TryCreate(_ram.Memory, Size, DescriptorTable, AvailRing, UsedRing, Features, state, fault,
            out SplitVirtqueue? queue, out string? error) ? queue : throw new InvalidOperationException(error);

    /// <summary>Adds a chain of direct descriptors. The device sees it after <see cref="Kick"/>.</summary>
    /// <returns>Its head, the token that comes back in <see cref="UsedChain.Head"/>.</returns>
    /// <exception cref="InvalidOperationException">There are not enough free descriptors.</exception>
    public ushort Add(params ReadOnlySpan<DriverBuffer> buffers)
    {
        ushort head = _firstFree, last = head;
        Take(buffers.Length);
        for (int i = 0; i < buffers.Length; i++)
        {
            ushort index = i == 0 ? head : _next[last];
            bool more = i < buffers.Length - 1;
            SetDescriptor(index, buffers[i].Address, buffers[i].Length, Flags(buffers[i], more), more ? _next[index] : (ushort)0);
            last = index;
        }

        MakeAvailable(head, last, buffers.Length);
        return head;
    }

    /// <summary>Adds a chain as one descriptor that refers to an indirect table.</summary>
    /// <returns>Its head.</returns>
    public ushort AddIndirect(params ReadOnlySpan<DriverBuffer> buffers)
    {
        ushort head = _firstFree;
        Take(1);
        if (_tables[head].Entries < buffers.Length)
            _tables[head] = (_ram.Allocate(DescriptorSize * buffers.Length), buffers.Length);
        ulong table = _tables[head].Address;
        for (int i = 0; i < buffers.Length; i++)
        {
            bool more = i < buffers.Length - 1;
            WriteDescriptor(_ram.Pointer(table + (ulong)(DescriptorSize * i), DescriptorSize),
                buffers[i].Address, buffers[i].Length, Flags(buffers[i], more), more ? (ushort)(i + 1) : (ushort)0);
        }

        SetDescriptor(head, table, (uint)(DescriptorSize * buffers.Length), DescriptorFlags.Indirect, 0);
        MakeAvailable(head, head, 1);
        return head;
    }

    /// <summary>Makes what was added visible to the device.</summary>
    /// <returns>Whether the device wants a doorbell for it.</returns>
    public bool Kick()
    {
        ushort old = _kickedIndex;
        _kickedIndex = _addedIndex;
        // Release: descriptors and ring entries before the index that makes them valid.
        Volatile.Write(ref _avail[1], _kickedIndex);
        // Full fence: the index before the device's wish is read; see the device's side.
        Interlocked.MemoryBarrier();
        if (!_eventIndex) return (Volatile.Read(ref _used[0]) & 1) == 0;
        ushort wanted = Volatile.Read(ref _used[2 + 4 * Size]);
        return (ushort)(_kickedIndex - wanted - 1) < (ushort)(_kickedIndex - old);
    }

    /// <summary>Takes the next chain that the device has given back, and frees its descriptors.</summary>
    /// <exception cref="InvalidOperationException">The device gave back a chain that is not in flight.</exception>
    public bool TryCollect(out UsedChain used)
    {
        used = default;
        if (UsedIndex == _collectedIndex) return false;
        uint* entry = (uint*)(_used + 2) + 2 * (_collectedIndex & (Size - 1));
        uint head = Volatile.Read(ref entry[0]);
        used = new UsedChain((ushort)head, Volatile.Read(ref entry[1]));
        if (head >= Size || _chainLength[head] == 0)
            throw new InvalidOperationException($"the device gave back chain {head}, which is not in flight");

        ushort last = (ushort)head;
        for (int i = 1; i < _chainLength[head]; i++) last = _next[last];
        _next[last] = _firstFree;
        _firstFree = (ushort)head;
        FreeDescriptors += _chainLength[head];
        _chainLength[head] = 0;
        _collectedIndex++;
        return true;
    }

    /// <summary>Asks for an interrupt for the next chain that is used.</summary>
    /// <returns>True when there is one to collect already: no interrupt will come for it.</returns>
    public bool EnableInterrupts()
    {
        if (_eventIndex) Volatile.Write(ref _avail[2 + Size], _collectedIndex);
        else Volatile.Write(ref _avail[0], (ushort)0);
        Interlocked.MemoryBarrier();
        return UsedIndex != _collectedIndex;
    }

    /// <summary>Asks for no interrupts; a hint to the device.</summary>
    public void DisableInterrupts()
    {
        if (_eventIndex) Volatile.Write(ref _avail[2 + Size], (ushort)(_collectedIndex - 1));
        else Volatile.Write(ref _avail[0], (ushort)1);
    }

    /// <summary>Writes a descriptor as told.</summary>
    public void SetDescriptor(int index, ulong address, uint length, DescriptorFlags flags, ushort next) =>
        WriteDescriptor(_descriptors + DescriptorSize * index, address, length, flags, next);

    /// <summary>Writes an entry of the available ring as told.</summary>
    public void SetAvailEntry(int slot, ushort head) => Volatile.Write(ref _avail[2 + (slot & (Size - 1))], head);

    /// <summary>Writes the available index as told.</summary>
    public void SetAvailIndex(ushort index) => Volatile.Write(ref _avail[1], index);

    /// <summary>Writes used_event as told.</summary>
    public void SetUsedEvent(ushort index) => Volatile.Write(ref _avail[2 + Size], index);

    /// <summary>
    /// Makes a head available that the driver did not add, and publishes it: the way to a hostile chain. The queue is of no
    /// use for well-behaved chains afterwards.
    /// </summary>
    public void SetAvailable(ushort head)
    {
        SetAvailEntry(_addedIndex, head);
        _kickedIndex = ++_addedIndex;
        SetAvailIndex(_addedIndex);
    }

    private static DescriptorFlags Flags(DriverBuffer buffer, bool more) =>
        (buffer.IsWritable ? DescriptorFlags.Write : 0) | (more ? DescriptorFlags.Next : 0);

    private static void WriteDescriptor(byte* descriptor, ulong address, uint length, DescriptorFlags flags, ushort next)
    {
        // SAFETY: the caller's address is one of a whole descriptor in mock RAM.
        Volatile.Write(ref *(ulong*)descriptor, address);
        Volatile.Write(ref *(ulong*)(descriptor + 8), length | (ulong)(ushort)flags << 32 | (ulong)next << 48);
    }

    private void Take(int descriptors)
    {
        if (descriptors == 0 || descriptors > FreeDescriptors)
            throw new InvalidOperationException($"a chain of {descriptors} descriptors with {FreeDescriptors} free");
        FreeDescriptors -= descriptors;
    }

    private void MakeAvailable(ushort head, ushort last, int length)
    {
        _firstFree = _next[last];
        _chainLength[head] = length;
        SetAvailEntry(_addedIndex, head);
        _addedIndex++;
    }
}
