using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci.Msix;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// A plugin's PCI device that is not virtio. It owns what the bus defines: configuration space, BARs, MSI-X, function level reset; the device sees
/// accesses to its registers only, and what it throws ends it and nothing else: a latched device reads as all ones and takes no writes.
/// </summary>
public sealed partial class PciDeviceFunction : DeviceFunction, IPciTransport
{
    private readonly AccessGate _accesses = new();
    private readonly PciOwnedConfig? _owned;
    private readonly MsixTable? _msix;
    private readonly MsixCapability? _msixCapability;
    private readonly MsixWindow? _msixWindow;
    private readonly PciMemoryWindows? _windows;
    private readonly PciDoorbells? _doorbells;
    private readonly PciFunctionReset? _reset;
    private readonly DeviceLatch _latch;
    private readonly TimeSpan _deadline;
    private IPciDevice _device;      // changes while the gate is closed
    private PciTraits _traits;
    private volatile bool _resetting;
    private bool _paused;
    private string? _stuck;

    /// <summary>Wraps a device, which belongs to this object from now on.</summary>
    /// <param name="id">Unique id in the VM.</param>
    /// <param name="device">The device; its traits are read once, here.</param>
    /// <param name="environment">What the devices of the machine share.</param>
    /// <param name="log">The device's log; lines carry the id.</param>
    /// <exception cref="DeviceException">The device's traits are impossible, or it refuses to be attached.</exception>
    public PciDeviceFunction(string id, IPciDevice device, PciEnvironment environment, IDeviceLog log)
        : this(id, device, device.Traits, environment, log) { }

    private PciDeviceFunction(string id, IPciDevice device, PciTraits traits, PciEnvironment environment, IDeviceLog log)
        : base(id, PciDeviceLayout.MakeConfig(id, traits), environment.StopDeadline, log)
    {
        _device = device;
        _traits = traits;
        _deadline = environment.StopDeadline;
        _latch = new DeviceLatch(log, "the device answers no more", static () => { });
        PciDeviceLayout.AddBars(id, traits, Bars);
        PciDeviceLayout.AddCapabilities(id, traits, Config);
        if (traits.OwnedConfig.Count > 0)
        {
            if (device is not IPciConfigSpace own)
                throw new DeviceException($"device {id} declares configuration registers of its own, but is no {nameof(IPciConfigSpace)}");
            _owned = new PciOwnedConfig(own, traits.OwnedConfig, Config, _latch);
        }

        try
        {
            PciMsixPlacement? place = null;
            if (traits.Msix is { } msix)
            {
                place = PciDeviceLayout.PlaceMsix(id, msix, Bars);
                _msix = new MsixTable(msix.Vectors, environment.Vm, environment.Router, log);
                _msixCapability = new MsixCapability(Config, _msix, place.Bar, place.TableOffset, place.PendingOffset);
                _msixWindow = new MsixWindow(_msix, place, wholeBar: msix.Placement is null);
            }

            if (device is IPciMemoryBars { BarMemory: { Count: > 0 } memory })
                _windows = PciMemoryWindows.Make(id, memory, Bars, place, traits.Msix?.Vectors ?? 0, environment.Mappings, log);
            if (device is IPciDoorbells { Doorbells: { Count: > 0 } bells })
                _doorbells = new PciDoorbells(id, bells, Bars, (bar, offset) => _windows?.Has(bar, offset) == true || _msixWindow?.Has(bar, offset) == true, environment.Vm, log);
            if (device is IPciResettable) _reset = new PciFunctionReset(Config);
        }
        catch
        {
            _msix?.Dispose();
            throw;
        }

        try
        {
            device.Attach(this);
        }
        catch (Exception e)
        {
            _windows?.Dispose();
            _msix?.Dispose();
            if (e is DeviceException) throw;
            throw new DeviceException($"device {id} cannot be put on the bus: {Culprit}{nameof(IPciDevice.Attach)} threw {e.GetType().Name}", e);
        }
    }

    /// <inheritdoc/>
    public override IDevice Device => _device;

    /// <inheritdoc/>
    public override void NeedsReset(string reason) => _latch.Set(reason);

    /// <inheritdoc/>
    public override void Blame(string what) => _latch.Blame(what);

    /// <inheritdoc/>
    public void SignalInterrupt(int vector)
    {
        MsixVector target = _msix?[vector] ?? throw new ArgumentOutOfRangeException(nameof(vector), vector, $"device {Id} has declared no such interrupt");
        if (!_latch.IsSet) target.SignalUnlessClosed();
    }

    /// <inheritdoc/>
    public override void Pause() => Pause(_deadline);

    private void Pause(TimeSpan deadline)
    {
        if (_paused || _device is not IPausable pausable) return;
        if (_stuck is null)
        {
            BoundedCall.Run(nameof(IPausable.Pause), pausable.Pause, deadline, out _stuck);
            if (_stuck is not null) _latch.Blame(_stuck);
        }

        if (_stuck is not null)
        {
            // It may still write to guest memory, so nobody may take the machine for paused, now or later.
            _latch.SetSilently();
            throw new DeviceException($"device {Id} cannot be paused: {Culprit}{_stuck}");
        }

        _paused = true;
    }

    /// <inheritdoc/>
    public override void Resume()
    {
        if (!_paused) return;
        _paused = false;
        BoundedCall.Run(nameof(IPausable.Resume), ((IPausable)_device).Resume, _deadline, out string? error);
        if (error is not null) _latch.Blame(error);
    }

    /// <summary>One node: the function and its device are the same here.</summary>
    public override IReadOnlyList<DeviceTreeNode> DescribeTree() =>
        [new DeviceTreeNode(Id) { PciAddress = Address, Bars = DescribeBars() }];

    /// <inheritdoc/>
    protected override string? DescribeCall(bool reads, bool writes) => (reads, writes) switch
    {
        (true, _) => _owned is null ? nameof(IPciDevice.ReadBar) : $"{nameof(IPciDevice.ReadBar)} or {nameof(IPciConfigSpace.ReadConfig)}",
        (_, true) when _resetting => nameof(IPciResettable.Reset),
        (_, true) => _owned is null ? nameof(IPciDevice.WriteBar) : $"{nameof(IPciDevice.WriteBar)} or {nameof(IPciConfigSpace.WriteConfig)}",
        _ => null,
    };

    /// <summary>To be disposed is all the stopping that such a device needs.</summary>
    protected override bool StopForGood() => true;

    /// <inheritdoc/>
    protected override void Release()
    {
        _windows?.Dispose();
        _msix?.Dispose();
    }

    /// <inheritdoc/>
    protected override void ReadConfig(int offset, Span<byte> data)
    {
        base.ReadConfig(offset, data);
        if (_owned is null || !_owned.Touches(offset, data.Length)) return;
        if (!TryEnterRead()) return;
        _accesses.Enter();
        try
        {
            _owned.Read(offset, data);
        }
        finally
        {
            _accesses.Leave();
            LeaveRead();
        }
    }

    /// <inheritdoc/>
    protected override void WriteConfig(int offset, ReadOnlySpan<byte> data)
    {
        base.WriteConfig(offset, data);
        bool owned = _owned is not null && _owned.Touches(offset, data.Length);
        bool reset = _reset is not null && _reset.IsTriggeredBy(offset, data);
        if ((!owned && !reset) || !TryEnterWrite()) return;
        _accesses.Enter();
        try
        {
            if (owned) _owned!.Write(offset, data);
            if (reset) ResetFunction();
        }
        finally
        {
            _accesses.Leave();
            LeaveWrite();
        }
    }

    /// <inheritdoc/>
    protected override void ConfigChanged(int offset, int length) => _msixCapability?.ConfigChanged(offset, length);

    /// <inheritdoc/>
    protected override void ConfigReset() => _msixCapability?.Reset();

    /// <inheritdoc/>
    protected internal override void ReadBar(int bar, ulong offset, Span<byte> data)
    {
        if (!TryEnterRead()) return;
        _accesses.Enter();
        try
        {
            if (_msixWindow is not null && _msixWindow.Has(bar, offset)) _msixWindow.Read(offset, data);
            else if (_windows is null || !_windows.Has(bar, offset)) ReadDevice(bar, offset, data[..LengthForDevice(bar, offset, data.Length)]);
        }
        finally
        {
            _accesses.Leave();
            LeaveRead();
        }
    }

    /// <inheritdoc/>
    protected internal override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> data)
    {
        if (!TryEnterWrite()) return;
        _accesses.Enter();
        try
        {
            if (_msixWindow is not null && _msixWindow.Has(bar, offset)) _msixWindow.Write(offset, data);
            else if ((_windows is null || !_windows.Has(bar, offset)) && (_doorbells is null || !_doorbells.TryRing(bar, offset)))
                WriteDevice(bar, offset, data[..LengthForDevice(bar, offset, data.Length)]);
        }
        finally
        {
            _accesses.Leave();
            LeaveWrite();
        }
    }

    /// <inheritdoc/>
    protected internal override bool TryMoveMemory(PciBar bar, ulong address, out string? error)
    {
        error = null;
        return _windows is null || _windows.TryMove(bar.Index, address, out error);
    }

    /// <inheritdoc/>
    protected internal override void BarChanged(PciBar bar)
    {
        _doorbells?.MoveTo(bar.Index, bar.IsMapped ? bar.Address : 0);
        if (!bar.IsMapped) _windows?.Unmap(bar.Index);
    }

    /// <summary>How much of an access is the device's: it ends where the host's registers or memory begin.</summary>
    private int LengthForDevice(int bar, ulong offset, int length)
    {
        if (_msixWindow is not null) length = _msixWindow.Before(bar, offset, length);
        return _windows is null ? length : _windows.Before(bar, offset, length);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void ReadDevice(int bar, ulong offset, Span<byte> data)
    {
        if (_latch.IsSet) return;
        try
        {
            _device.ReadBar(bar, offset, data);
        }
        catch (Exception e)
        {
            data.Fill(0xff);
            _latch.Blame(nameof(IPciDevice.ReadBar), e);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void WriteDevice(int bar, ulong offset, ReadOnlySpan<byte> data)
    {
        if (_latch.IsSet) return;
        try
        {
            _device.WriteBar(bar, offset, data);
        }
        catch (Exception e)
        {
            _latch.Blame(nameof(IPciDevice.WriteBar), e);
        }
    }

    /// <summary>The guest resets the function: first it answers nothing any more, then the device forgets.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void ResetFunction()
    {
        ResetRegisters();
        if (IsLost) return;
        try
        {
            _resetting = true;
            ((IPciResettable)_device).Reset();
            _latch.Clear();
        }
        catch (Exception e)
        {
            _latch.Blame(nameof(IPciResettable.Reset), e);
        }
        finally
        {
            _resetting = false;
        }
    }
}
