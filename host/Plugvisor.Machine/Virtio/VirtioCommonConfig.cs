using System.Buffers.Binary;
using System.Diagnostics;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci.Msix;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// The common configuration registers (virtio 1.2 section 4.1.4.3) with the status machine (section 3.1.1). Every value
/// comes from the guest: what it may not do is dropped, and what leaves the device without a way on makes it need a reset.
/// Accesses come on vCPU threads and are serialised by the lock that the lifecycle shares.
/// </summary>
internal sealed class VirtioCommonConfig
{
    private readonly object _lock;
    private readonly VirtioLifecycle _life;
    private readonly DeviceLatch _latch;
    private readonly MsixTable _msix;
    private readonly QueueDoorbells _doorbells;
    private readonly GuestMemory _memory;
    private readonly ushort[] _maxSizes;
    private ulong _offered;

    private readonly QueueSetup[] _queues;
    private readonly ushort[] _queueVectors;
    private readonly QueueInterrupt[] _interrupts;
    private readonly QueueInterrupt _configInterrupt;

    private uint _deviceFeatureSelect, _driverFeatureSelect;
    private ulong _driverFeatures;
    private bool _driverFeaturesBeyond;   // a bit above 63 was set
    private ushort _configVector = VirtioPciLayout.NoVector;
    private ushort _queueSelect;
    private byte _status;
    private int _generation;

    public VirtioCommonConfig(
        VirtioLifecycle life, DeviceLatch latch, ushort[] maxSizes, ulong offered, MsixTable msix, QueueDoorbells doorbells,
        GuestMemory memory, QueueInterrupt[] interrupts, QueueInterrupt configInterrupt)
    {
        _lock = life.Lock;
        _life = life;
        _latch = latch;
        _maxSizes = maxSizes;
        _offered = offered;
        _msix = msix;
        _doorbells = doorbells;
        _memory = memory;
        _interrupts = interrupts;
        _configInterrupt = configInterrupt;
        _queues = new QueueSetup[maxSizes.Length];
        _queueVectors = new ushort[maxSizes.Length];
        Clear();
    }

    /// <summary>Whether the driver has set DRIVER_OK; only then may it be told of a reset that is needed (section 2.1.2).</summary>
    public bool IsDriverOk => (Volatile.Read(ref _status) & VirtioStatus.DriverOk) != 0;

    /// <summary>Bumps config_generation. Any thread.</summary>
    public void BumpGeneration() => Interlocked.Increment(ref _generation);

    /// <summary>
    /// Offers other feature bits, where the driver does not count on one that is missing: what it negotiated, or what it was offered while it is at that.
    /// </summary>
    /// <param name="features">The offer.</param>
    /// <param name="onlyAsk">Leaves everything as it is.</param>
    /// <returns>The bits that are missing; 0 when the offer stands.</returns>
    public ulong TryOffer(ulong features, bool onlyAsk = false)
    {
        lock (_lock)
        {
            ulong relied = (_status & VirtioStatus.FeaturesOk) != 0 ? _driverFeatures : _status != 0 ? _offered : 0;
            ulong missing = relied & ~features;
            if (missing == 0 && !onlyAsk) _offered = features;
            return missing;
        }
    }

    /// <summary>Reads registers byte by byte, so any width at any offset works; what is past the end is left as it is.</summary>
    public void Read(uint offset, Span<byte> data)
    {
        lock (_lock)
        {
            int i = 0;
            while (i < data.Length && offset + (uint)i < VirtioPciLayout.CommonLength)
            {
                uint at = offset + (uint)i;
                (uint start, int width) = Field(at);
                ulong value = ReadField(start) >> (int)(at - start) * 8;
                for (int left = width - (int)(at - start); left > 0 && i < data.Length; left--, i++, value >>= 8) data[i] = (byte)value;
            }
        }
    }

    /// <summary>Writes one register, or half of a 64-bit one; any other width or alignment is dropped (section 4.1.3.1).</summary>
    public void Write(uint offset, ReadOnlySpan<byte> data)
    {
        if (offset >= VirtioPciLayout.CommonLength) return;
        (uint start, int width) = Field(offset);
        bool half = width == 8 && data.Length == 4 && (offset == start || offset == start + 4);
        if (!half && (offset != start || data.Length != width)) return;

        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        data.CopyTo(bytes);
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        bool status = start == 0x14;
        bool run = false, reset = false;
        lock (_lock)
        {
            if (status) WriteStatus((byte)value, out run, out reset);
            else if (!_life.IsResetting) WriteField(offset, value, half);
        }

        // Outside the lock: this may call the device.
        long asked = reset ? Stopwatch.GetTimestamp() : 0;
        if (run) _life.Run();
        if (reset) _life.AwaitResetBriefly(asked);
    }

    /// <summary>The reset is done. Under the lock, by the lifecycle.</summary>
    public void ResetDone() => Volatile.Write(ref _status, 0);

    private static (uint Start, int Width) Field(uint offset) => offset switch
    {
        < 0x10 => (offset & ~3u, 4),
        < 0x14 => (offset & ~1u, 2),
        < 0x16 => (offset, 1),
        < 0x20 => (offset & ~1u, 2),
        _ => (offset & ~7u, 8),
    };

    private ulong ReadField(uint start)
    {
        bool selected = _queueSelect < _queues.Length;
        ref QueueSetup queue = ref _queues[selected ? _queueSelect : 0];
        return start switch
        {
            0x00 => _deviceFeatureSelect,
            0x04 => _deviceFeatureSelect switch { 0 => (uint)_offered, 1 => (uint)(_offered >> 32), _ => 0 },
            0x08 => _driverFeatureSelect,
            0x0c => _driverFeatureSelect switch { 0 => (uint)_driverFeatures, 1 => (uint)(_driverFeatures >> 32), _ => 0 },
            0x10 => _configVector,
            0x12 => (ulong)_queues.Length,
            0x14 => (ulong)(_status | (_latch.IsSet ? VirtioStatus.NeedsReset : 0)),
            0x15 => (byte)Volatile.Read(ref _generation),
            0x16 => _queueSelect,
            // A queue that does not exist has size 0 (section 4.1.5.1.3) and no vector.
            0x18 => selected ? queue.Size : 0UL,
            0x1a => selected ? _queueVectors[_queueSelect] : VirtioPciLayout.NoVector,
            0x1c => selected && queue.Enabled ? 1UL : 0UL,
            0x1e => selected ? _queueSelect : 0UL,
            0x20 => selected ? queue.Descriptors : 0UL,
            0x28 => selected ? queue.Driver : 0UL,
            _ => selected ? queue.Device : 0UL,
        };
    }

    private void WriteField(uint offset, ulong value, bool half)
    {
        switch (offset)
        {
            case 0x00:
                _deviceFeatureSelect = (uint)value;
                return;
            case 0x08:
                _driverFeatureSelect = (uint)value;
                return;
            case 0x0c:
                WriteDriverFeatures((uint)value);
                return;
            case 0x10:
                _configVector = _msix[(int)value] is null ? VirtioPciLayout.NoVector : (ushort)value;
                _configInterrupt.Vector = _msix[_configVector];
                return;
            case 0x16:
                _queueSelect = (ushort)value;
                return;
        }

        if (_queueSelect >= _queues.Length) return;
        ref QueueSetup queue = ref _queues[_queueSelect];
        if (offset == 0x1a)
        {
            ushort vector = _msix[(int)value] is null ? VirtioPciLayout.NoVector : (ushort)value;
            _queueVectors[_queueSelect] = vector;
            _interrupts[_queueSelect].Vector = _msix[vector];
            return;
        }

        // An enabled queue is frozen, and all are once the device runs: the ring that was checked is the ring that is used.
        if (queue.Enabled || (_status & VirtioStatus.DriverOk) != 0) return;
        switch (offset)
        {
            case 0x18:
                // The device presents 0 or a power of two up to its maximum (section 4.1.4.3.1), so what the driver must not write
                // (4.1.4.3.2) is not shown. But its rings may be laid out for that, so the queue cannot be enabled with another size either.
                bool possible = value <= _maxSizes[_queueSelect] && ushort.IsPow2((ushort)value);
                queue.WrongSize = possible ? null : (ushort)value;
                if (possible) queue.Size = (ushort)value;
                break;
            case 0x1c:
                if (value == 1) EnableQueue(ref queue);
                break;
            case >= 0x20 and < 0x28:
                Set(ref queue.Descriptors, offset - 0x20, value, half);
                break;
            case >= 0x28 and < 0x30:
                Set(ref queue.Driver, offset - 0x28, value, half);
                break;
            case >= 0x30:
                Set(ref queue.Device, offset - 0x30, value, half);
                break;
        }
    }

    private static void Set(ref ulong register, uint offset, ulong value, bool half) =>
        register = !half ? value : offset == 0 ? (register & ~0xffff_ffffUL) | value : (register & 0xffff_ffff) | value << 32;

    private void WriteDriverFeatures(uint value)
    {
        // What was negotiated stays (section 3.1.1 step 5).
        if ((_status & VirtioStatus.FeaturesOk) != 0) return;
        switch (_driverFeatureSelect)
        {
            case 0:
                _driverFeatures = (_driverFeatures & ~0xffff_ffffUL) | value;
                break;
            case 1:
                _driverFeatures = (_driverFeatures & 0xffff_ffff) | (ulong)value << 32;
                break;
            default:
                _driverFeaturesBeyond |= value != 0;
                break;
        }
    }

    private void EnableQueue(ref QueueSetup queue)
    {
        if (Problem(queue) is { } problem)
        {
            _latch.Set($"queue {_queueSelect} cannot be enabled: {problem}");
            return;
        }

        queue.Enabled = true;
        _doorbells.Want(_queueSelect);
    }

    /// <summary>Why a queue cannot work, or null. The rings have to lie in RAM as a whole (sizes: section 2.7).</summary>
    private string? Problem(in QueueSetup queue)
    {
        int size = queue.Size;
        if (queue.WrongSize is { } wrong) return $"size {wrong} is not a power of two up to {_maxSizes[_queueSelect]}";
        if (queue.Descriptors == 0 || queue.Driver == 0 || queue.Device == 0) return "an address of its rings was never set";
        if (queue.Descriptors % 16 != 0 || queue.Driver % 2 != 0 || queue.Device % 4 != 0) return "its rings are misaligned";
        if (!InRam(queue.Descriptors, 16 * size) || !InRam(queue.Driver, 6 + 2 * size) || !InRam(queue.Device, 6 + 8 * size))
            return "its rings are not in RAM";
        return null;
    }

    private unsafe bool InRam(ulong address, int length) => _memory.TryTranslate(address, (nuint)length, out byte* _);

    /// <summary>
    /// The driver adds bits one by one, or clears all for a reset. A bit that it should not set yet does not stick, so that it sees
    /// so when it reads back.
    /// </summary>
    private void WriteStatus(byte value, out bool run, out bool reset)
    {
        run = reset = false;
        if (_life.IsResetting) return;   // the driver has to wait for 0 (section 4.1.4.3.2)
        if (value == 0)
        {
            Clear();
            if (_life.TryResetNow()) Volatile.Write(ref _status, 0);
            else reset = run = true;
            return;
        }

        int added = value & VirtioStatus.DriverBits & ~_status;
        int status = _status | (added & (VirtioStatus.Acknowledge | VirtioStatus.Driver | VirtioStatus.Failed));
        if ((added & VirtioStatus.FeaturesOk) != 0 && (status & VirtioStatus.Driver) != 0 && FeaturesAreAcceptable())
            status |= VirtioStatus.FeaturesOk;
        if ((added & VirtioStatus.DriverOk) != 0)
        {
            if ((status & VirtioStatus.FeaturesOk) == 0) _latch.Set("the driver set DRIVER_OK without an accepted FEATURES_OK");
            else
            {
                status |= VirtioStatus.DriverOk;
                Volatile.Write(ref _status, (byte)status);
                run = _life.RequestStart(_driverFeatures, _queues);
                return;
            }
        }

        Volatile.Write(ref _status, (byte)status);
    }

    /// <summary>Section 2.2: a subset of what was offered; section 6.1: with VERSION_1, as there is no legacy interface.</summary>
    private bool FeaturesAreAcceptable() =>
        !_driverFeaturesBeyond && (_driverFeatures & ~_offered) == 0
        && VirtioFeatures.Has(_driverFeatures, VirtioFeatures.VIRTIO_F_VERSION_1);

    /// <summary>All registers as after power-on, except the status, which reads non-zero until the reset is done.</summary>
    private void Clear()
    {
        _deviceFeatureSelect = _driverFeatureSelect = 0;
        _driverFeatures = 0;
        _driverFeaturesBeyond = false;
        _queueSelect = 0;
        _configVector = VirtioPciLayout.NoVector;
        _configInterrupt.Vector = null;
        for (int i = 0; i < _queues.Length; i++)
        {
            _queues[i] = new QueueSetup { Size = _maxSizes[i] };
            _queueVectors[i] = VirtioPciLayout.NoVector;
            _interrupts[i].Vector = null;
        }
    }
}
