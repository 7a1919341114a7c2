using System.Diagnostics;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBlk;

// The queue's side: take chains, give them back, wait for tokens, drain. All on the queue's thread, except Prepare and IsIdle.
internal sealed unsafe partial class Worker
{
    /// <summary>
    /// Chains taken before the engine gets them going, so that the first of a long row need not wait for the last, and completions are seen in
    /// between. Measured: at depth 32 on a fast disk 8 gives a fifth more than 32, and no less where calls are what costs.
    /// </summary>
    private const int Batch = 8;

    private const int None = -1;

    private RequestPool? _pool;
    private Virtqueue _ring = null!;
    private bool _used;                 // chains were given back and not yet published
    private bool _internalFlush;        // the device's own flush is under way
    private int _held = None;           // a request that waits for the rate limiter's tokens
    private long _heldUntil;
    private long _now;                  // the time of this pass; 0 when not read yet

    /// <summary>Nothing is in flight. By whoever owns the queue.</summary>
    private bool IsIdle => _pool!.FreeSlots == _pool.Slots && !_internalFlush;

    private void Prepare(QueueResources queue)
    {
        _ring = queue.Queue;
        if (_pool is not null && _pool.QueueSize == _ring.Size && _pool.SegmentsPerSlot == _ring.MaxSegments) return;
        _pool?.Dispose();
        _pool = new RequestPool(_ring);
    }

    /// <summary>One look at everything.</summary>
    /// <returns>0 to look again at once; else how long to sleep, in nanoseconds, negative without bound.</returns>
    private long Pass(BlockEngine engine)
    {
        _now = 0;
        engine.Kick();
        bool busy = Reap(engine);
        if (_used) Publish();
        if (_slept || (++_passes & PassesBetweenLooks) == 0) LookForStalls();
        if (_flushRequested) StartInternalFlush(engine);
        _ring.DisableDoorbell();
        busy |= Accept(engine);
        if (_used) Publish();           // what was answered without I/O
        if (busy || Poll(engine)) return 0;

        if (_held != None)
            return Math.Clamp(TicksToNanoseconds(_heldUntil - Stopwatch.GetTimestamp()), 1, StallLookNanoseconds);
        // With no slot left the doorbell would tell nothing that can be acted on; a completion comes first.
        if (_pool!.FreeSlots != 0 && _ring.EnableDoorbell()) return 0;
        return IsIdle ? -1 : StallLookNanoseconds;
    }

    /// <summary>Finishes everything in flight and takes nothing new.</summary>
    private void Drain(BlockEngine engine)
    {
        if (_held != None)
        {
            // It was taken from the ring, and there is no way to put it back: it goes through without its tokens.
            int slot = _held;
            _held = None;
            Launch(engine, _pool![slot], slot);
        }

        while (!IsIdle)
        {
            _now = 0;
            engine.Kick();
            if (Reap(engine)) continue;
            engine.Wait(StallLookNanoseconds);
            LookForStalls();
        }

        Publish();
    }

    private bool Reap(BlockEngine engine)
    {
        bool any = false;
        while (engine.TryTake(out int slot, out int result))
        {
            any = true;
            Complete(engine, _pool![slot], slot, result);
        }

        return any;
    }

    private void Publish()
    {
        _used = false;
        if (_ring.Publish()) _queue!.Interrupt.Signal();
    }

    /// <summary>Takes what the driver has made available.</summary>
    private bool Accept(BlockEngine engine)
    {
        RequestPool pool = _pool!;
        if (_held != None && !ReleaseHeld(engine)) return false;
        int taken = 0;
        while (taken < Batch && pool.FreeSlots != 0 && _held == None)
        {
            int slot = pool.Peek();
            Request* request = pool[slot];
            // SAFETY: each slot has that many segments.
            var segments = new Span<IoSegment>(request->Segments, pool.SegmentsPerSlot);
            if (_ring.TryPop(segments, out DescriptorChain chain) != PopStatus.Popped) break;
            pool.Take();
            if (taken++ == 0) _now = Stopwatch.GetTimestamp();
            request->Started = _now;
            Begin(engine, request, slot, chain);
        }

        return taken != 0;
    }

    /// <summary>Asks the rate limiter for a request, and keeps the request when it has to wait.</summary>
    private void Limit(BlockEngine engine, Request* request, int slot)
    {
        if (_disk.Limiter is { } limiter)
        {
            TimeSpan wait = limiter.Take(request->Kind is RequestKind.Read or RequestKind.Write ? request->DataBytes : 0);
            if (wait > TimeSpan.Zero)
            {
                _held = slot;
                _heldUntil = Stopwatch.GetTimestamp() + (long)(wait.TotalSeconds * Stopwatch.Frequency);
                return;
            }
        }

        Launch(engine, request, slot);
    }

    private bool ReleaseHeld(BlockEngine engine)
    {
        if (Stopwatch.GetTimestamp() < _heldUntil) return false;
        int slot = _held;
        _held = None;
        Limit(engine, _pool![slot], slot);
        return _held == None;
    }

    /// <summary>Gives a chain back with its status byte written.</summary>
    private void Finish(Request* request, int slot, byte status)
    {
        *request->Status = status;
        GiveBack(request, slot);
    }

    private void GiveBack(Request* request, int slot)
    {
        _ring.AddUsed(request->Head, request->Written);
        _pool!.Return(slot);
        _used = true;
    }

    private const long NanosecondsPerSecond = 1_000_000_000;

    private static long TicksToNanoseconds(long ticks) =>
        Stopwatch.Frequency == NanosecondsPerSecond ? ticks : (long)((Int128)ticks * NanosecondsPerSecond / Stopwatch.Frequency);
}
