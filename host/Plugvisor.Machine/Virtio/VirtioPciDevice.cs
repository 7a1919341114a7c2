using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci;
using Plugvisor.Machine.Pci.Msix;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// A virtio device on the PCI bus (virtio 1.2 section 4.1, modern interface only). It owns everything that the guest touches: registers,
/// status machine, MSI-X, doorbells; the device behind it sees only queues that were checked. Put it on a bus with
/// <see cref="PciSegment.TryAdd"/>; take it away with <see cref="DeviceFunction.Remove"/>.
/// </summary>
public sealed partial class VirtioPciDevice : DeviceFunction, IVirtioTransport
{
    private const ulong BitsOfTransport =
        1UL << VirtioFeatures.VIRTIO_F_VERSION_1 | 1UL << VirtioFeatures.VIRTIO_F_ACCESS_PLATFORM
        | 1UL << VirtioFeatures.VIRTIO_F_RING_PACKED | 1UL << VirtioFeatures.VIRTIO_F_SR_IOV | 1UL << VirtioFeatures.VIRTIO_F_NOTIFICATION_DATA
        | 1UL << VirtioFeatures.VIRTIO_F_NOTIF_CONFIG_DATA | 1UL << VirtioFeatures.VIRTIO_F_RING_RESET;

    private readonly VirtioDeviceCalls _calls;
    private VirtioTraits _traits;
    private readonly int _configLength;
    private readonly AccessGate _configReads = new();
    private readonly AccessGate _configWrites = new();   // closed while the device's code is exchanged, so that no write is lost
    private readonly MsixTable _msix;
    private readonly MsixCapability _msixCapability;
    private readonly QueueDoorbells _doorbells;
    private readonly VirtioIsr _isr = new();
    private readonly QueueInterrupt _configInterrupt;
    private readonly VirtioCommonConfig _common;
    private readonly VirtioConfigWindow _window;
    private readonly DeviceLatch _latch;
    private readonly VirtioLifecycle _life;

    /// <summary>Wraps a device. It belongs to this object from now on, which disposes it in <see cref="DeviceFunction.Remove"/>.</summary>
    /// <param name="id">Unique id in the VM.</param>
    /// <param name="device">The device; its traits are read once, here.</param>
    /// <param name="environment">What the devices of the machine share.</param>
    /// <param name="log">The device's log; lines carry the id.</param>
    /// <exception cref="DeviceException">The device's traits are impossible: a bug of its plugin.</exception>
    public VirtioPciDevice(string id, IVirtioDevice device, VirtioPciEnvironment environment, IDeviceLog log)
        : this(id, device, device.Traits, environment, log) { }

    private VirtioPciDevice(string id, IVirtioDevice device, VirtioTraits traits, VirtioPciEnvironment environment, IDeviceLog log)
        : base(id, MakeConfig(id, traits), environment.StopDeadline, log)
    {
        ushort[] sizes = [.. traits.QueueSizes];
        _traits = traits;
        _configLength = traits.ConfigLength;
        _msix = new MsixTable(sizes.Length + 1, environment.Vm, environment.Router, log);
        _doorbells = new QueueDoorbells(sizes.Length, environment.Vm, log);
        _configInterrupt = new QueueInterrupt(_isr, VirtioIsr.Config);
        var interrupts = new QueueInterrupt[sizes.Length];
        for (int i = 0; i < interrupts.Length; i++) interrupts[i] = new QueueInterrupt(_isr, VirtioIsr.Queue);

        VirtioCommonConfig? common = null;
        _latch = new DeviceLatch(log, "the device needs a reset", () => TellOfLatch(common));
        var instance = new VirtioInstance(device, this);
        instance.Serve();
        _calls = new VirtioDeviceCalls(instance, environment.Memory, _doorbells, interrupts, _latch);
        _life = new VirtioLifecycle(id, sizes.Length, _calls, _latch, environment, log, () => common?.ResetDone());
        ulong offered = Offered(traits);
        _common = common = new VirtioCommonConfig(
            _life, _latch, sizes, offered, _msix, _doorbells, environment.Memory, interrupts, _configInterrupt);

        Bars.Add(VirtioPciLayout.Bar, traits.Prefer32BitBar ? PciBarKind.Memory32 : PciBarKind.Memory64, VirtioPciLayout.BarSize);
        AddCapability(VirtioPciLayout.CapabilityCommon, VirtioPciLayout.CommonOffset, VirtioPciLayout.CommonLength);
        AddCapability(VirtioPciLayout.CapabilityIsr, VirtioPciLayout.IsrOffset, VirtioPciLayout.IsrLength);
        AddCapability(VirtioPciLayout.CapabilityDevice, VirtioPciLayout.DeviceOffset, VirtioPciLayout.DeviceLength);
        AddCapability(VirtioPciLayout.CapabilityNotify, VirtioPciLayout.NotifyOffset, VirtioPciLayout.NotifyLength,
            VirtioPciLayout.NotifyMultiplier);
        _window = new VirtioConfigWindow(Config);
        _msixCapability = new MsixCapability(
            Config, _msix, VirtioPciLayout.Bar, VirtioPciLayout.MsixTableOffset, VirtioPciLayout.MsixPendingOffset);
    }

    /// <summary>The device behind the registers.</summary>
    public override IDevice Device => _calls.Instance.Device;

    /// <inheritdoc/>
    public void SignalConfigChange()
    {
        _common.BumpGeneration();
        _configInterrupt.SignalUnlessClosed();
    }

    /// <inheritdoc/>
    public override void NeedsReset(string reason) => _latch.Set(reason);

    /// <inheritdoc/>
    public override void Blame(string what) => _latch.Blame(what);

    /// <inheritdoc/>
    public override void Pause() => _life.Pause();

    /// <summary>Starts the queues again where they stood.</summary>
    public override void Resume() => _life.Resume();

    /// <summary>The PCI function, and below it the device itself.</summary>
    public override IReadOnlyList<DeviceTreeNode> DescribeTree()
    {
        string transport = DeviceTreeNode.VirtioTransportPrefix + Id;
        return
        [
            new DeviceTreeNode(transport) { Children = [Id], PciAddress = Address, Bars = DescribeBars() },
            new DeviceTreeNode(Id) { Parent = transport },
        ];
    }

    /// <inheritdoc/>
    protected override string? DescribeCall(bool reads, bool writes) => _calls.Current
        ?? (reads ? nameof(IVirtioDevice.ReadConfig) : writes ? nameof(IVirtioDevice.WriteConfig) : null);

    /// <inheritdoc/>
    protected override bool StopForGood() => _life.Remove();

    /// <inheritdoc/>
    protected override void Release()
    {
        _msix.Dispose();
        _doorbells.Dispose();
    }

    /// <inheritdoc/>
    protected override void ReadConfig(int offset, Span<byte> data)
    {
        base.ReadConfig(offset, data);
        if (!_window.IsData(offset, data.Length)) return;
        Span<byte> window = stackalloc byte[4];
        window.Fill(0xff);
        if (DecodeWindow(out uint barOffset, out int length)) ReadBar(VirtioPciLayout.Bar, barOffset, window[..length]);
        for (int i = 0; i < data.Length; i++)
        {
            int at = offset + i - _window.DataOffset;
            if ((uint)at < 4) data[i] = window[at];
        }
    }

    /// <inheritdoc/>
    protected override void WriteConfig(int offset, ReadOnlySpan<byte> data)
    {
        base.WriteConfig(offset, data);
        if (offset != _window.DataOffset) return;
        if (DecodeWindow(out uint barOffset, out int length) && data.Length >= length)
            WriteBar(VirtioPciLayout.Bar, barOffset, data[..length]);
    }

    /// <inheritdoc/>
    protected override void ConfigChanged(int offset, int length) => _msixCapability.ConfigChanged(offset, length);

    /// <inheritdoc/>
    protected internal override void BarChanged(PciBar bar) =>
        _doorbells.MoveTo(bar.IsMapped ? bar.Address + VirtioPciLayout.NotifyOffset : 0);

    /// <inheritdoc/>
    protected internal override void ReadBar(int bar, ulong offset, Span<byte> data)
    {
        if (!TryEnterRead()) return;
        try
        {
            ReadRegisters((uint)offset, data);
        }
        finally
        {
            LeaveRead();
        }
    }

    /// <inheritdoc/>
    protected internal override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> data)
    {
        if (!TryEnterWrite()) return;
        try
        {
            WriteRegisters((uint)offset, data);
        }
        finally
        {
            LeaveWrite();
        }
    }

    private void ReadRegisters(uint offset, Span<byte> data)
    {
        switch (offset)
        {
            case < VirtioPciLayout.CommonOffset + VirtioPciLayout.CommonLength:
                _common.Read(offset, data);
                break;
            case VirtioPciLayout.IsrOffset:
                data[0] = _isr.ReadAndClear();
                break;
            case >= VirtioPciLayout.DeviceOffset and < VirtioPciLayout.DeviceOffset + VirtioPciLayout.DeviceLength:
                ReadDeviceConfig((int)(offset - VirtioPciLayout.DeviceOffset), data);
                break;
            case >= VirtioPciLayout.MsixTableOffset and < VirtioPciLayout.MsixTableOffset + VirtioPciLayout.MsixTableLength:
                _msix.ReadTable(offset - VirtioPciLayout.MsixTableOffset, data);
                break;
            case >= VirtioPciLayout.MsixPendingOffset and < VirtioPciLayout.MsixPendingOffset + VirtioPciLayout.MsixPendingLength:
                _msix.ReadPending(offset - VirtioPciLayout.MsixPendingOffset, data);
                break;
        }
    }

    private void WriteRegisters(uint offset, ReadOnlySpan<byte> data)
    {
        switch (offset)
        {
            case < VirtioPciLayout.CommonOffset + VirtioPciLayout.CommonLength:
                _common.Write(offset, data);
                break;
            case >= VirtioPciLayout.DeviceOffset and < VirtioPciLayout.DeviceOffset + VirtioPciLayout.DeviceLength:
                WriteDeviceConfig((int)(offset - VirtioPciLayout.DeviceOffset), data);
                break;
            case >= VirtioPciLayout.NotifyOffset and < VirtioPciLayout.NotifyOffset + VirtioPciLayout.NotifyLength:
                offset -= VirtioPciLayout.NotifyOffset;
                if (offset % VirtioPciLayout.NotifyMultiplier == 0) _doorbells.Ring((int)(offset / VirtioPciLayout.NotifyMultiplier));
                break;
            case >= VirtioPciLayout.MsixTableOffset and < VirtioPciLayout.MsixTableOffset + VirtioPciLayout.MsixTableLength:
                _msix.WriteTable(offset - VirtioPciLayout.MsixTableOffset, data);
                break;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void ReadDeviceConfig(int offset, Span<byte> data)
    {
        if (offset >= _configLength) return;
        data = data[..Math.Min(data.Length, _configLength - offset)];
        if (IsLost)
        {
            data.Fill(0xff);
            return;
        }

        _configReads.Enter();
        try
        {
            _calls.Instance.Device.ReadConfig(offset, data);
        }
        catch (Exception e)
        {
            data.Fill(0xff);
            _latch.Blame(nameof(IVirtioDevice.ReadConfig), e);
        }
        finally
        {
            _configReads.Leave();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void WriteDeviceConfig(int offset, ReadOnlySpan<byte> data)
    {
        if (offset >= _configLength || IsLost) return;
        data = data[..Math.Min(data.Length, _configLength - offset)];
        _configWrites.Enter();
        try
        {
            _calls.Instance.Device.WriteConfig(offset, data);
        }
        catch (Exception e)
        {
            _latch.Blame(nameof(IVirtioDevice.WriteConfig), e);
        }
        finally
        {
            _configWrites.Leave();
        }
    }

    private bool DecodeWindow(out uint barOffset, out int length)
    {
        Span<byte> fields = stackalloc byte[VirtioConfigWindow.FieldsLength];
        base.ReadConfig(_window.Offset, fields);
        return VirtioConfigWindow.TryDecode(fields, out barOffset, out length);
    }

    /// <summary>Only a driver that has set DRIVER_OK is told (section 2.1.2).</summary>
    private void TellOfLatch(VirtioCommonConfig? common)
    {
        if (common is { IsDriverOk: true }) _configInterrupt.SignalUnlessClosed();
    }

    private void AddCapability(byte kind, uint offset, uint length, uint? extra = null)
    {
        Span<byte> body = stackalloc byte[extra is null ? 14 : 18];
        body.Clear();
        body[0] = (byte)(body.Length + 2);
        body[1] = kind;
        body[2] = VirtioPciLayout.Bar;
        BinaryPrimitives.WriteUInt32LittleEndian(body[6..], offset);
        BinaryPrimitives.WriteUInt32LittleEndian(body[10..], length);
        if (extra is { } value) BinaryPrimitives.WriteUInt32LittleEndian(body[14..], value);
        Config.AddCapability(PciRegisters.CapabilityVendor, body);
    }

    private static ulong Offered(VirtioTraits traits) =>
        (traits.Features & ~BitsOfTransport) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_VERSION_1);

    private static PciConfigSpace MakeConfig(string id, VirtioTraits traits)
    {
        int queues = traits.QueueSizes.Count, configLength = traits.ConfigLength;
        if (queues is 0 or > VirtioPciLayout.MaxQueues)
            throw new DeviceException($"device {id} declares {queues} queues; 1 to {VirtioPciLayout.MaxQueues} are possible");
        foreach (ushort size in traits.QueueSizes)
        {
            if (size <= SplitVirtqueue.MaxSize && ushort.IsPow2(size)) continue;
            throw new DeviceException(
                $"device {id} declares a queue of {size} entries; it has to be a power of two up to {SplitVirtqueue.MaxSize}");
        }

        if (configLength is < 0 or > (int)VirtioPciLayout.DeviceLength)
            throw new DeviceException($"device {id} declares {configLength} bytes of config space; at most {VirtioPciLayout.DeviceLength} are possible");

        ushort device = (ushort)(VirtioPciLayout.DeviceBase + traits.DeviceType);
        var config = new PciConfigSpace(
            VirtioPciLayout.Vendor, device, (uint)traits.PciClass << 8, VirtioPciLayout.Revision, VirtioPciLayout.Vendor, device);
        // Placed and enabled, as firmware would leave it: small firmware and test guests use the BAR as it is.
        config.Set16(PciRegisters.Command, PciRegisters.CommandMemory);
        return config;
    }
}
