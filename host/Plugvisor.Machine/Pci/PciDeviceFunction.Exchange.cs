using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Linux.Events;

namespace Plugvisor.Machine.Pci;

/// <content>
/// Another instance takes over. Configuration space, BARs and MSI-X are this object's and stay as they are; accesses to what is the device's wait meanwhile.
/// </content>
public sealed partial class PciDeviceFunction
{
    private IPciDevice? _earlier, _successor;
    private PciTraits? _successorTraits;
    private EventFd[]? _successorBells, _earlierBells;
    private bool _pausedForExchange;

    /// <inheritdoc/>
    internal override void BeginExchange(TimeSpan deadline)
    {
        if (!_accesses.Close(deadline)) throw new DeviceException($"an access of the guest to it did not return within {deadline.TotalSeconds:0.##} s");
        if (_paused || _device is not IPausable) return;
        try
        {
            Pause(deadline);
            _pausedForExchange = true;
        }
        catch
        {
            _accesses.Open();
            throw;
        }
    }

    /// <inheritdoc/>
    internal override void Adopt(IDevice successor)
    {
        if (successor is not IPciDevice device) throw new DeviceException($"it made a {successor.GetType().Name}, which is no PCI device");
        _successorTraits = device.Traits;
        if (Difference(_successorTraits, device) is { } difference) throw new DeviceException($"it is another device: {difference}");
        device.Attach(new SuccessorTransport(this, device));
        if (_paused && device is IPausable pausable) pausable.Pause();
        _successor = device;
    }

    /// <inheritdoc/>
    internal override string? Commit(TimeSpan deadline)
    {
        _earlier = _device;
        if (_successorBells is not null) _earlierBells = _doorbells!.Exchange(_successorBells);
        Put(_successor!);
        return null;
    }

    /// <inheritdoc/>
    internal override void Revert()
    {
        if (_earlier is null) return;
        if (_earlierBells is not null) _ = _doorbells!.Exchange(_earlierBells);
        Put(_earlier);
    }

    /// <inheritdoc/>
    internal override void Lose(string reason) => _latch.Set(reason);

    /// <inheritdoc/>
    internal override void EndExchange()
    {
        if (_earlier is not null && _device != _earlier) _traits = _successorTraits!;
        _earlier = _successor = null;
        _successorTraits = null;
        _successorBells = _earlierBells = null;
        if (_pausedForExchange)
        {
            _pausedForExchange = false;
            if (_device is IPausable) Resume();
            else _paused = false;
        }

        _accesses.Open();
    }

    private void Put(IPciDevice device)
    {
        Volatile.Write(ref _device, device);
        if (_owned is not null) _owned.Device = (IPciConfigSpace)device;
    }

    /// <summary>What the guest would see of it, or null when that is nothing.</summary>
    private string? Difference(PciTraits now, IPciDevice device)
    {
        if ((now.VendorId, now.DeviceId) != (_traits.VendorId, _traits.DeviceId)) return "its PCI ids";
        if ((now.ClassCode, now.Revision) != (_traits.ClassCode, _traits.Revision)) return "its class or revision";
        if ((now.SubsystemVendorId, now.SubsystemId) != (_traits.SubsystemVendorId, _traits.SubsystemId)) return "its subsystem ids";
        if (_windows is not null || device is IPciMemoryBars { BarMemory.Count: > 0 })
            return "memory in its BARs stays with the instance that made it; remove the device and add it again";
        IReadOnlyList<PciDoorbell> bells = (device as IPciDoorbells)?.Doorbells ?? [];
        _successorBells = _doorbells?.EventsOf(bells);
        if (_doorbells is null ? bells.Count > 0 : _successorBells is null) return "its doorbells";
        if (!now.Bars.SequenceEqual(_traits.Bars)) return "its BARs";
        if (now.Msix != _traits.Msix) return "its interrupts";
        if (!now.OwnedConfig.SequenceEqual(_traits.OwnedConfig) || (_owned is not null && device is not IPciConfigSpace)) return "its own configuration registers";
        if ((_reset is not null) != device is IPciResettable) return "its function level reset";
        if (now.Capabilities.Count != _traits.Capabilities.Count) return "its capabilities";
        for (int i = 0; i < now.Capabilities.Count; i++)
        {
            PciCapability capability = now.Capabilities[i], before = _traits.Capabilities[i];
            if (capability.Id != before.Id || capability.Offset != before.Offset || !capability.Body.Span.SequenceEqual(before.Body.Span)) return "its capabilities";
        }

        return null;
    }

    /// <summary>What an instance says before it is in place, or after another one is, concerns nobody.</summary>
    private sealed class SuccessorTransport(PciDeviceFunction function, IPciDevice device) : IPciTransport
    {
        public void SignalInterrupt(int vector)
        {
            if (ReferenceEquals(Volatile.Read(ref function._device), device)) function.SignalInterrupt(vector);
        }
    }
}
