using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;

namespace Examples.Edu;

/// <summary>
/// The device. Registers are answered on vCPU threads at once; what takes time (a factorial, a transfer) is done by a thread of the device's own, which raises
/// MSI-X vector 0 when it is done. A doorbell has the last transfer done once more. Another instance can go on where it stands: registers, buffer and a job that waits are saved.
/// </summary>
internal sealed class Device : IPciDevice, IPciDoorbells, IPciResettable, IPausable, ISnapshottable
{
    private const ushort Vendor = 0x1234, Product = 0x11e9;
    private const uint Unclassified = 0xff0000;
    private const uint Busy = 1 << 0, Failed = 1 << 1;
    private const byte StateVersion = 1;

    private readonly Lock _lock = new();
    private readonly Worker _worker;
    private readonly Bell _bell;
    private readonly uint _identification;
    private uint _liveness, _factorial, _offset, _length, _status;
    private ulong _address;
    private JobKind _transfer;   // the last one that was asked for

    /// <exception cref="DeviceException">The saved state is not one that this version can read.</exception>
    public Device(DeviceRequest request, Config config, IDeviceHost host)
    {
        _identification = (uint)config.Version << 16 | 0xed;
        bool succeeds = !request.SavedState.IsEmpty;
        try
        {
            using BinaryReader? saved = succeeds ? new BinaryReader(new MemoryStream(request.SavedState.ToArray())) : null;
            if (saved is not null) Restore(saved);
            _worker = new Worker(request.Id, host, Finish, saved);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new DeviceException($"edu device {request.Id}: the state of the instance before cannot be used: {e.Message}", e);
        }

        _bell = new Bell(request.Id, host, TransferAgain, paused: succeeds);
        Doorbells = [new PciDoorbell(0, Registers.Doorbell, _bell.Event)];
    }

    /// <inheritdoc/>
    public PciTraits Traits { get; } = new()
    {
        VendorId = Vendor,
        DeviceId = Product,
        ClassCode = Unclassified,
        Revision = 1,
        Bars = [new PciBarTraits(0, PciBarKind.Memory32, Registers.Length)],
        Msix = new PciMsixTraits(1),   // the host places table and pending bits in a BAR of their own
    };

    /// <inheritdoc/>
    public IReadOnlyList<PciDoorbell> Doorbells { get; }

    /// <inheritdoc/>
    public void Attach(IPciTransport transport) => _worker.Transport = transport;

    /// <inheritdoc/>
    public void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        // Accesses come in any width and alignment: answer whole registers, and no more of them than was asked for.
        Span<byte> register = stackalloc byte[8];
        lock (_lock)
        {
            ulong value = offset switch
            {
                Registers.Identification => _identification,
                Registers.Liveness => _liveness,
                Registers.Factorial => _factorial,
                Registers.Status => _status,
                Registers.TransferAddress => _address,
                Registers.TransferOffset => _offset,
                Registers.TransferLength => _length,
                _ => ulong.MaxValue,
            };
            BinaryPrimitives.WriteUInt64LittleEndian(register, value);
        }

        register[..Math.Min(destination.Length, offset == Registers.TransferAddress ? 8 : 4)].CopyTo(destination);
    }

    /// <inheritdoc/>
    public void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        if (source.Length < 4) return;
        uint value = BinaryPrimitives.ReadUInt32LittleEndian(source);
        lock (_lock)
        {
            switch (offset)
            {
                case Registers.Liveness:
                    _liveness = ~value;
                    break;
                case Registers.Factorial when (_status & Busy) == 0 && value <= 20:
                    _factorial = value;
                    _status |= Busy;
                    _worker.Post(new Job(JobKind.Factorial, 0, value, 0));
                    break;
                case Registers.Status:
                    _status &= ~(value & Failed);
                    break;
                case Registers.TransferAddress:
                    _address = source.Length == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(source) : _address >> 32 << 32 | value;
                    break;
                case Registers.TransferAddress + 4:
                    _address = (ulong)value << 32 | (uint)_address;
                    break;
                case Registers.TransferOffset:
                    _offset = value;
                    break;
                case Registers.TransferLength:
                    _length = value;
                    break;
                case Registers.TransferCommand when (_status & Busy) == 0 && value is 1 or 2:
                    _transfer = value == 1 ? JobKind.FromGuest : JobKind.ToGuest;
                    StartTransfer();
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _worker.Pause();   // no transfer of before goes on, and none that waits starts
        _worker.Forget();
        lock (_lock)
        {
            _liveness = _factorial = _offset = _length = _status = 0;
            _address = 0;
            _transfer = JobKind.None;
        }

        _worker.Resume();
    }

    /// <inheritdoc/>
    public void Pause()
    {
        _bell.Pause();   // first, as it gives the worker work
        _worker.Pause();
    }

    /// <inheritdoc/>
    public void Resume()
    {
        _worker.Resume();
        _bell.Resume();
    }

    /// <summary>Registers, buffer and a job that waits. The device is paused, so nothing changes meanwhile.</summary>
    public ReadOnlyMemory<byte> Save()
    {
        using var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes);
        to.Write(StateVersion);
        lock (_lock)
        {
            to.Write(_liveness);
            to.Write(_factorial);
            to.Write(_offset);
            to.Write(_length);
            to.Write(_status);
            to.Write(_address);
            to.Write((byte)_transfer);
        }

        _worker.Save(to);
        to.Flush();
        return bytes.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _bell.Dispose();   // first, as it gives the worker work
        _worker.Dispose();
    }

    private void Restore(BinaryReader from)
    {
        byte version = from.ReadByte();
        if (version != StateVersion) throw new InvalidDataException($"it has version {version}, this plugin knows {StateVersion}");
        _liveness = from.ReadUInt32();
        _factorial = from.ReadUInt32();
        _offset = from.ReadUInt32();
        _length = from.ReadUInt32();
        _status = from.ReadUInt32();
        _address = from.ReadUInt64();
        _transfer = (JobKind)from.ReadByte();
    }

    /// <summary>Somebody rang: on the bell's thread, with no idea what was written. A ring while the device is busy is lost, as a command is.</summary>
    private void TransferAgain()
    {
        lock (_lock)
        {
            if ((_status & Busy) == 0 && _transfer != JobKind.None) StartTransfer();
        }
    }

    private void StartTransfer()
    {
        _status |= Busy;
        _worker.Post(new Job(_transfer, _address, _offset, _length));
    }

    private void Finish(in Job job, uint result, bool succeeded)
    {
        lock (_lock)
        {
            if (job.Kind == JobKind.Factorial) _factorial = result;
            if (!succeeded) _status |= Failed;
            _status &= ~Busy;
        }
    }
}
