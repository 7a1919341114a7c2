using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Interrupts;

namespace Plugvisor.Machine.Pci.Msix;

/// <summary>
/// The MSI-X table and pending bits of a function (PCI Local Bus 3.0 section 6.8.2). A vector that is enabled and unmasked has its
/// eventfd bound to a GSI, so that raising it is one write and no more; any other vector is unbound and an interrupt stays pending
/// in the eventfd. Guest accesses come on vCPU threads, several at once.
/// </summary>
public sealed class MsixTable : IDisposable
{
    /// <summary>Bytes of one table entry.</summary>
    public const int EntrySize = 16;

    /// <summary>The most vectors that the capability can express.</summary>
    public const int MaxVectors = 2048;

    private const int ControlOffset = 12;

    private readonly Lock _lock = new();
    private readonly MsixVector[] _vectors;
    private readonly IVm _vm;
    private readonly MsiRouter _router;
    private readonly IDeviceLog _log;
    private bool _enabled, _allMasked, _closed;

    /// <summary>A table with all vectors masked and MSI-X disabled, as after reset.</summary>
    /// <param name="count">Vectors, 1 to <see cref="MaxVectors"/>.</param>
    /// <param name="vm">Binds eventfds to GSIs.</param>
    /// <param name="router">Gives out GSIs and routes them.</param>
    /// <param name="log">The device's log.</param>
    public MsixTable(int count, IVm vm, MsiRouter router, IDeviceLog log)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxVectors);
        _vm = vm;
        _router = router;
        _log = log;
        _vectors = new MsixVector[count];
        for (int i = 0; i < count; i++) _vectors[i] = new MsixVector();
    }

    /// <summary>Number of vectors.</summary>
    public int Count => _vectors.Length;

    /// <summary>A vector, or null where the number is no vector (0xffff is none, virtio 1.2 section 4.1.5.1.2).</summary>
    public MsixVector? this[int vector] => (uint)vector < _vectors.Length ? _vectors[vector] : null;

    /// <summary>The guest wrote message control: MSI-X enable and function mask.</summary>
    public void SetControl(bool enabled, bool allMasked)
    {
        lock (_lock)
        {
            if (_enabled == enabled && _allMasked == allMasked) return;
            _enabled = enabled;
            _allMasked = allMasked;
            Apply(0, _vectors.Length);
        }
    }

    /// <summary>As after power-on: disabled, all vectors masked, nothing pending.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _enabled = _allMasked = false;
            Apply(0, _vectors.Length);   // nothing may send, so all are unbound
            foreach (MsixVector vector in _vectors)
            {
                vector.MessageAddress = 0;
                vector.MessageData = 0;
                vector.Control = MsixVector.MaskBit;
                vector.IsPending = false;
                if (!_closed) vector.Trigger.Drain();
            }
        }
    }

    /// <summary>Reads the table; bytes outside it are left as they are.</summary>
    public void ReadTable(ulong offset, Span<byte> data)
    {
        Span<byte> entry = stackalloc byte[EntrySize];
        lock (_lock)
        {
            for (int i = 0; i < data.Length; i++)
            {
                ulong at = offset + (ulong)i;
                if (at / EntrySize >= (ulong)_vectors.Length) return;
                if (i == 0 || at % EntrySize == 0) Encode(_vectors[at / EntrySize], entry);
                data[i] = entry[(int)(at % EntrySize)];
            }
        }
    }

    /// <summary>
    /// Writes the table. Software has to use aligned dwords and quadwords (section 6.8.2); anything else is dropped.
    /// </summary>
    public void WriteTable(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length is not (4 or 8) || offset % (ulong)data.Length != 0 || offset / EntrySize >= (ulong)_vectors.Length) return;
        int index = (int)(offset / EntrySize);
        Span<byte> entry = stackalloc byte[EntrySize];
        lock (_lock)
        {
            MsixVector vector = _vectors[index];
            Encode(vector, entry);
            data.CopyTo(entry[(int)(offset % EntrySize)..]);
            vector.MessageAddress = BinaryPrimitives.ReadUInt64LittleEndian(entry);
            vector.MessageData = BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
            vector.Control = BinaryPrimitives.ReadUInt32LittleEndian(entry[ControlOffset..]) & MsixVector.MaskBit;
            Apply(index, 1);
        }
    }

    /// <summary>Reads the pending bits; bytes outside them are left as they are. They are read-only.</summary>
    public void ReadPending(ulong offset, Span<byte> data)
    {
        lock (_lock)
        {
            ulong length = (ulong)((_vectors.Length + 63) / 64 * 8);
            for (int i = 0; i < data.Length; i++)
            {
                ulong at = offset + (ulong)i;
                if (at >= length) return;
                data[i] = PendingByte((int)at * 8);
            }
        }
    }

    /// <summary>Unbinds all vectors, gives the GSIs back and closes the eventfds. Nobody may signal any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
            _enabled = false;
            Apply(0, _vectors.Length);
            foreach (MsixVector vector in _vectors)
            {
                if (vector.Gsi is { } gsi) _router.Free(gsi);
                vector.Gsi = null;
                vector.Dispose();
            }

            try
            {
                _router.Commit();
            }
            catch (HypervisorException e)
            {
                _log.Warn($"cannot take back interrupt routes: {e.Message}");
            }
        }
    }

    private byte PendingByte(int first)
    {
        int bits = 0;
        for (int i = 0; i < 8 && first + i < _vectors.Length; i++)
        {
            MsixVector vector = _vectors[first + i];
            // A bound eventfd is the kernel's to drain.
            if (!vector.IsBound && !_closed) vector.IsPending |= vector.Trigger.Drain() != 0;
            if (!vector.IsBound && vector.IsPending) bits |= 1 << i;
        }

        return (byte)bits;
    }

    /// <summary>
    /// Brings routes and bindings of a range of vectors in line with the table: all routes first, as one change of the kernel's table.
    /// </summary>
    private void Apply(int start, int count)
    {
        bool routes = false;
        for (int i = start; i < start + count; i++)
        {
            MsixVector vector = _vectors[i];
            if (!MaySend(vector)) Unbind(vector);
            else routes |= Route(vector, i);
        }

        if (!routes) return;
        try
        {
            _router.Commit();
        }
        catch (HypervisorException e)
        {
            for (int i = start; i < start + count; i++)
            {
                if (_vectors[i].Gsi is { } gsi) _router.Clear(gsi);
            }

            _log.Warn($"cannot route interrupts of the device: {e.Message}");
            return;
        }

        for (int i = start; i < start + count; i++)
        {
            if (MaySend(_vectors[i]) && _vectors[i].Gsi is not null) Bind(_vectors[i]);
        }
    }

    private bool MaySend(MsixVector vector) => _enabled && !_allMasked && (vector.Control & MsixVector.MaskBit) == 0;

    private bool Route(MsixVector vector, int index)
    {
        if (!IsInterrupt(vector.MessageAddress))
        {
            Unbind(vector);
            _log.GuestTriggered($"MSI-X vector {index} has address 0x{vector.MessageAddress:x}, which is no interrupt message");
            return false;
        }

        if (vector.Gsi is null)
        {
            if (!_router.TryAllocate(out uint gsi))
            {
                _log.GuestTriggered($"no interrupt route is left for MSI-X vector {index}");
                return false;
            }

            vector.Gsi = gsi;
        }

        _router.Set(vector.Gsi.Value, vector.MessageAddress, vector.MessageData);
        return true;
    }

    /// <summary>
    /// Messages go to 0xFEExxxxx (Intel SDM volume 3 section 11.11.1); bits 40 to 63 carry the upper bits of an x2APIC id and
    /// bits 32 to 39 are 0, or the kernel refuses the whole table, other devices' routes included.
    /// </summary>
    private static bool IsInterrupt(ulong address) => (address & 0xff_fff0_0000) == 0xfee0_0000;

    private void Bind(MsixVector vector)
    {
        if (vector.IsBound) return;
        // Drained before, so that an interrupt that is pending is sent once; one that comes in between stays and the kernel sends it.
        bool pending = vector.Trigger.Drain() != 0 || vector.IsPending;
        try
        {
            _vm.AddIrqFd(vector.Gsi!.Value, vector.Trigger);
        }
        catch (HypervisorException e)
        {
            vector.IsPending = pending;
            _log.Warn($"cannot bind an interrupt of the device: {e.Message}");
            return;
        }

        vector.IsBound = true;
        vector.IsPending = false;
        if (pending) vector.Trigger.Signal();
    }

    private void Unbind(MsixVector vector)
    {
        if (!vector.IsBound) return;
        vector.IsBound = false;
        try
        {
            _vm.RemoveIrqFd(vector.Gsi!.Value, vector.Trigger);
        }
        catch (HypervisorException e)
        {
            _log.Warn($"cannot unbind an interrupt of the device: {e.Message}");
        }
    }

    private static void Encode(MsixVector vector, Span<byte> entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(entry, vector.MessageAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], vector.MessageData);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[ControlOffset..], vector.Control);
    }
}
