using Plugvisor.Abstractions.Devices;
using Plugvisor.Hypervisor;
using Plugvisor.Linux.Events;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// The notify registers of a device: one eventfd a queue for the device's whole life, known to the hypervisor at the address where
/// the BAR lies now. A queue's doorbell is bound when the driver first enables the queue, and then stays bound over resets:
/// binding costs the kernel a grace period, and a signal on a queue that does not run harms nobody.
/// </summary>
internal sealed class QueueDoorbells : IDisposable
{
    private readonly Lock _lock = new();
    private readonly IVm _vm;
    private readonly IDeviceLog _log;
    private readonly EventFd[] _doorbells;
    private readonly bool[] _wanted;
    private readonly ulong[] _boundAt;   // 0 where it is not bound; a BAR never lies at 0
    private ulong _base;                 // of the notify region; 0 while the BAR is not mapped
    private bool _closed, _warned;

    public QueueDoorbells(int count, IVm vm, IDeviceLog log)
    {
        _vm = vm;
        _log = log;
        _doorbells = new EventFd[count];
        for (int i = 0; i < count; i++) _doorbells[i] = new EventFd();
        _wanted = new bool[count];
        _boundAt = new ulong[count];
    }

    /// <summary>The doorbell of a queue.</summary>
    public EventFd this[int queue] => _doorbells[queue];

    /// <summary>The notify region lies at <paramref name="address"/> now; 0 when nowhere.</summary>
    public void MoveTo(ulong address)
    {
        lock (_lock)
        {
            if (_base == address) return;
            _base = address;
            for (int i = 0; i < _doorbells.Length; i++) Bind(i);
        }
    }

    /// <summary>The driver enabled the queue.</summary>
    public void Want(int queue)
    {
        lock (_lock)
        {
            _wanted[queue] = true;
            Bind(queue);
        }
    }

    /// <summary>
    /// A notification that reached the VMM as an exit: the doorbell is not bound (yet), or the BAR just moves. The lock keeps the
    /// descriptor from being closed meanwhile.
    /// </summary>
    public void Ring(int queue)
    {
        lock (_lock)
        {
            if (!_closed && (uint)queue < _doorbells.Length) _doorbells[queue].Signal();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_closed) return;
            _base = 0;
            for (int i = 0; i < _doorbells.Length; i++) Bind(i);
            _closed = true;
            foreach (EventFd doorbell in _doorbells) doorbell.Dispose();
        }
    }

    private void Bind(int queue)
    {
        ulong old = _boundAt[queue];
        ulong now = _base != 0 && _wanted[queue] && !_closed ? _base + (ulong)queue * VirtioPciLayout.NotifyMultiplier : 0;
        if (old == now) return;
        _boundAt[queue] = 0;
        try
        {
            // The new one first: a kick to either address is never lost.
            if (now != 0)
            {
                _vm.AddDoorbell(now, _doorbells[queue]);
                _boundAt[queue] = now;
            }
        }
        catch (HypervisorException e)
        {
            Warn(e);
        }

        try
        {
            if (old != 0) _vm.RemoveDoorbell(old, _doorbells[queue]);
        }
        catch (HypervisorException e)
        {
            Warn(e);
        }
    }

    private void Warn(HypervisorException e)
    {
        if (_warned) return;
        _warned = true;
        _log.Warn($"a doorbell cannot be moved in the kernel, notifications take the slow path: {e.Message}");
    }
}
