using Plugvisor.Linux.Events;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.VhostUser.Devices;

/// <content>The rings: started, stopped, and what they signal. All of it the thread's.</content>
internal sealed unsafe partial class BackEndLink
{
    private const ulong ErrorEvent = 0, RelayEvent = 1, ChangedEvent = 2, EventsPerRing = 4;

    private void StartRing(Session session, int index, QueueResources resources)
    {
        Ring ring = _rings[index];
        RingAddresses ringAt = resources.Addresses!.Value;
        // What a lost back end had taken and not given back is taken again: it processes in order, or keeps what it took in the memory for that,
        // which starts from the used index as well (section "Inflight I/O tracking").
        ushort next = ring.IsOrphan ? UsedIndex(ringAt) : resources.Queue.State.NextAvail;
        session.SetRing(index, resources.Queue.Size, next, Translate(ringAt.Descriptors), Translate(ringAt.Available), Translate(ringAt.Used));
        ring.Error ??= WatchedEvent(index, ErrorEvent);
        ring.Error.Drain();
        session.SetError(index, ring.Error.Descriptor);
        SetCall(session, index, resources);
        session.StartRing(index, resources.Doorbell.Descriptor);
        ring.IsServed = true;
        resources.Doorbell.Signal();   // a ring starts with a kick (section "Ring states"), and there may be chains in it
        if (!ring.IsOrphan) return;
        ring.IsOrphan = false;
        resources.Interrupt.Signal();  // the lost one may have used chains and not said so
    }

    private void SetCall(Session session, int index, QueueResources resources)
    {
        Ring ring = _rings[index];
        if (resources.Interrupt is IInterruptTrigger trigger)
        {
            ring.Changed ??= WatchedEvent(index, ChangedEvent);
            // Asked for before it is read, so that no change is missed.
            trigger.NotifyChanges(ring.Changed);
            session.SetCall(index, trigger.Trigger?.Descriptor);
            return;
        }

        ring.Relay ??= WatchedEvent(index, RelayEvent);
        session.SetCall(index, ring.Relay.Descriptor);
    }

    private void StopRing(Session session, int index)
    {
        Ring ring = _rings[index];
        ushort next = session.StopRing(index, _options.StopPatience);
        ring.IsServed = false;
        if (ring.Relay is { } relay && relay.Drain() != 0) ring.Resources!.Interrupt.Signal();
        ring.State = new QueueState(next, UsedIndex(ring.Resources!.Addresses!.Value));
        Stopped(ring);
    }

    /// <summary>Rings that nobody serves, and nobody wants any more, are stopped.</summary>
    private void SettleStops()
    {
        for (int i = 0; i < _rings.Length; i++)
        {
            Ring ring = _rings[i];
            if (ring.IsServed || ring.Stopped.IsSet || IsWanted(i, out QueueResources? resources)) continue;
            if (ring.IsOrphan)
            {
                ushort used = UsedIndex(resources!.Addresses!.Value);
                ring.State = new QueueState(used, used);
            }
            else
            {
                ring.State = resources!.Queue.State;
            }

            Stopped(ring);
        }
    }

    private static void Stopped(Ring ring)
    {
        (ring.Resources!.Interrupt as IInterruptTrigger)?.NotifyChanges(null);
        ring.IsOrphan = false;
        ring.Stopped.Set();
    }

    private bool IsWanted(int index, out QueueResources? resources)
    {
        lock (_lock)
        {
            resources = _rings[index].Resources;
            return _rings[index].IsWanted;
        }
    }

    private EventFd WatchedEvent(int ring, ulong kind)
    {
        var made = new EventFd();
        _epoll.Set(made.Descriptor, EpollEvents.Readable, RingEvents + (ulong)ring * EventsPerRing + kind);
        return made;
    }

    private void OnRingEvent(int index, ulong kind)
    {
        Ring ring = _rings[index];
        if (kind == ErrorEvent)
        {
            ring.Error!.Drain();
            if (ring.IsServed) ring.Resources!.Queue.Break("the back end says that it cannot go on with the ring");
        }
        else if (kind == RelayEvent)
        {
            // Not of a ring that is stopped: its driver may have given the memory another use.
            if (ring.Relay!.Drain() != 0 && ring.IsServed) ring.Resources!.Interrupt.Signal();
        }
        else
        {
            ring.Changed!.Drain();
            if (ring.IsServed && _session is { } session) SetCall(session, index, ring.Resources!);
        }
    }

    private ulong Translate(ulong address)
    {
        if (!_host.Memory.TryTranslate(address, 1, out byte* pointer)) throw new VhostUserException("was to be given a ring outside of guest memory");
        return (ulong)pointer;
    }

    /// <summary>Index of the next used entry (virtio 1.2 section 2.7.8); the guest can write it, so it is the back end's to check.</summary>
    private ushort UsedIndex(RingAddresses ring)
    {
        if (!_host.Memory.TryTranslate(ring.Used + 2, sizeof(ushort), out byte* pointer)) return 0;
        // SAFETY: translated, and a used ring is aligned to 4.
        return Volatile.Read(ref *(ushort*)pointer);
    }
}
