using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Hypervisor;
using Plugvisor.Linux.Events;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// The doorbell registers of a device: the kernel knows their eventfds at the addresses where the BARs lie now. Where it does not (a BAR just moves, or the kernel refuses), the
/// write comes as an exit and rings all the same. Rung without a lock.
/// </summary>
internal sealed class PciDoorbells
{
    private readonly PciDoorbell[] _bells;
    private readonly EventFd[] _events;
    private readonly ulong[] _boundAt;   // 0 where it is not bound
    private readonly Lock _lock = new();   // a BAR may move while another instance takes over
    private readonly IVm _vm;
    private readonly IDeviceLog _log;
    private bool _warned;

    /// <summary>Looks whether the registers are possible.</summary>
    /// <exception cref="DeviceException">One is not.</exception>
    public PciDoorbells(string id, IReadOnlyList<PciDoorbell> bells, PciBars bars, Func<int, ulong, bool> taken, IVm vm, IDeviceLog log)
    {
        _bells = [.. bells];
        _events = new EventFd[_bells.Length];
        _boundAt = new ulong[_bells.Length];
        _vm = vm;
        _log = log;
        for (int i = 0; i < _bells.Length; i++)
        {
            PciDoorbell bell = _bells[i];
            string? wrong = bars[bell.Bar] is not { IsIo: false } bar || bell.Offset >= bar.Length ? "outside its memory BARs"
                : taken(bell.Bar, bell.Offset) ? "where its memory or MSI-X table is"
                : Find(bell.Bar, bell.Offset, i) >= 0 ? "twice"
                : bell.Event is not EventFd { IsClosed: false } ? $"with a {bell.Event.GetType().Name} in place of an open {nameof(EventFd)}"
                : null;
            if (wrong is not null) throw new DeviceException($"device {id} declares a doorbell at 0x{bell.Offset:x} of BAR {bell.Bar} {wrong}");
            _events[i] = (EventFd)bell.Event;
        }
    }

    /// <summary>A BAR answers at <paramref name="address"/> now; 0 when nowhere.</summary>
    public void MoveTo(int bar, ulong address)
    {
        lock (_lock)
        {
            for (int i = 0; i < _bells.Length; i++)
            {
                if (_bells[i].Bar == bar) Bind(i, address == 0 ? 0 : address + _bells[i].Offset);
            }
        }
    }

    /// <summary>What another instance has in their place, or null when it has other registers, or an event that cannot be signalled.</summary>
    public EventFd[]? EventsOf(IReadOnlyList<PciDoorbell> others)
    {
        if (others.Count != _bells.Length) return null;
        var events = new EventFd[_bells.Length];
        for (int i = 0; i < events.Length; i++)
        {
            if ((others[i].Bar, others[i].Offset) != (_bells[i].Bar, _bells[i].Offset) || others[i].Event is not EventFd { IsClosed: false } its) return null;
            events[i] = its;
        }

        return events;
    }

    /// <summary>
    /// Lets the registers ring for another instance. A ring that nobody has heard goes along. Exits of the guest wait meanwhile, and so does who listened until now.
    /// </summary>
    /// <param name="events">From <see cref="EventsOf"/>.</param>
    /// <returns>The events of before.</returns>
    public EventFd[] Exchange(EventFd[] events)
    {
        lock (_lock)
        {
            EventFd[] before = [.. _events];
            for (int i = 0; i < events.Length; i++)
            {
                ulong at = _boundAt[i];
                Bind(i, 0);
                Volatile.Write(ref _events[i], events[i]);
                Bind(i, at);
                if (before[i].Drain() > 0) events[i].Signal();
            }

            return before;
        }
    }

    /// <summary>A write that came as an exit.</summary>
    /// <returns>False when there is no doorbell.</returns>
    public bool TryRing(int bar, ulong offset)
    {
        int at = Find(bar, offset, _bells.Length);
        if (at < 0) return false;
        Volatile.Read(ref _events[at]).Signal();
        return true;
    }

    private int Find(int bar, ulong offset, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (_bells[i].Bar == bar && _bells[i].Offset == offset) return i;
        }

        return -1;
    }

    private void Bind(int index, ulong now)
    {
        ulong old = _boundAt[index];
        if (old == now) return;
        try
        {
            // The new one first: a write to either address is never lost.
            if (now != 0) _vm.AddDoorbell(now, _events[index]);
            _boundAt[index] = now;
            if (old != 0) _vm.RemoveDoorbell(old, _events[index]);
        }
        catch (HypervisorException e)
        {
            // A write to where the kernel does not know it is an exit, which rings as well.
            if (_warned) return;
            _warned = true;
            _log.Warn($"a doorbell cannot be moved in the kernel, writes to it take the slow path: {e.Message}");
        }
    }
}
