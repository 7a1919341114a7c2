using Microsoft.Extensions.Logging;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Hotplug;

namespace Plugvisor.Machine;

/// <content>Devices that go.</content>
public sealed partial class VirtualMachine
{
    private readonly List<DeviceRemoval> _removals = [];

    /// <summary>
    /// Asks the guest to let go of a device. It may take its time, or never do; <see cref="IMachineListener.OnEject"/> tells when it has, and
    /// <see cref="TakeEjected"/> then takes the device out. May be repeated.
    /// </summary>
    public void RequestRemoval(PluggedDevice device)
    {
        _board.PciHotplug.RemovalRequested(device.Segment, device.Slot);
        _board.GenericEvents.Notify(GenericEvent.Pci);
    }

    /// <summary>The devices that are off their bus and have not stopped yet. Their ids and their code are still in use.</summary>
    public IReadOnlyList<PluggedDevice> Leaving => _removals.ConvertAll(static removal => removal.Device);

    /// <summary>
    /// Takes out a device that the guest has let go of: off its bus at once; it is gone when <see cref="TakeRemoved"/> has told so, mostly at once too, and
    /// <see cref="IMachineListener.OnRemoved"/> tells when to ask.
    /// </summary>
    /// <param name="segment">The slot's segment.</param>
    /// <param name="slot">The slot, in which there may be no device.</param>
    public void TakeEjected(int segment, int slot)
    {
        int at = _devices.FindIndex(device => device.Segment == segment && device.Slot == slot);
        if (at < 0) return;
        PluggedDevice device = _devices[at];
        _devices.RemoveAt(at);
        _board.PciHotplug.Emptied(segment, slot);
        _removals.Add(DeviceRemoval.Begin(device, _listener.OnRemoved));
    }

    /// <summary>Gives back what removed devices held that have stopped since the last time, or were given up.</summary>
    /// <returns>These devices, which are gone, in the order in which they left.</returns>
    public IReadOnlyList<PluggedDevice> TakeRemoved()
    {
        var gone = new List<PluggedDevice>();
        for (int i = 0; i < _removals.Count;)
        {
            DeviceRemoval removal = _removals[i];
            if (!removal.IsDone)
            {
                i++;
                continue;
            }

            _removals.RemoveAt(i);
            _stuck |= !TryEnd(removal);
            gone.Add(removal.Device);
        }

        return gone;
    }

    private bool TryEnd(DeviceRemoval removal)
    {
        bool released = removal.End();
        if (!released) _log.LogError("device {Id} does not stop; what it holds is not given back", removal.Device.Id);
        return released;
    }
}
