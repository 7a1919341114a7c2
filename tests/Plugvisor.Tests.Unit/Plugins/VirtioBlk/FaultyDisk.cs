using Plugvisor.Linux.Events;
using Plugvisor.Plugins.VirtioBlk;
using Plugvisor.Plugins.VirtioBlk.Engines;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>
/// A host's disk that fails or stalls as a test wants it: a layer over the disk's own engine. What stalls reaches the engine below, and
/// so guest memory, only when the test lets it go.
/// </summary>
internal sealed unsafe class FaultyDisk : IEngineLayer
{
    public const int EIO = 5, ENOSPC = 28;

    private volatile Engine? _engine;
    private volatile bool _released;
    private int _held, _waits;

    /// <summary>Negative errnos by what is asked for at which sector; 0 lets it through.</summary>
    public Func<Operation, ulong, int> Fails { get; set; } = (_, _) => 0;

    /// <summary>Which operations stall.</summary>
    public Func<Operation, ulong, bool> Holds { get; set; } = (_, _) => false;

    /// <summary>Operations that are stalled now.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>How often the queue's thread went to sleep.</summary>
    public int Waits => Volatile.Read(ref _waits);

    /// <summary>The disk answers again. What stalled is done now, and nothing stalls until <see cref="HoldAgain"/>.</summary>
    public void Release()
    {
        _released = true;
        _engine?.Wake();
    }

    /// <summary>Releases when it is disposed, so that a test that fails can end: declare it after the rig, which waits for its requests.</summary>
    public IDisposable ReleaseAtEnd() => new AtEnd(this);

    /// <summary>The disk stalls as before.</summary>
    public void HoldAgain() => _released = false;

    BlockEngine IEngineLayer.Over(BlockEngine engine) => _engine = new Engine(this, engine);

    private sealed class AtEnd(FaultyDisk disk) : IDisposable
    {
        public void Dispose() => disk.Release();
    }

    private sealed class Engine(FaultyDisk disk, BlockEngine below) : BlockEngine
    {
        private readonly Queue<(int Slot, int Result)> _failed = new();
        private readonly Queue<(nint Request, int Slot)> _stalled = new();

        public override bool HasEvents => _failed.Count != 0 || below.HasEvents;

        public override void Attach(EventFd doorbell) => below.Attach(doorbell);

        public override void Submit(Request* request, int slot)
        {
            ulong sector = request->Operation == Operation.Sync ? 0 : request->Offset / 512;
            int error = disk.Fails(request->Operation, sector);
            if (error != 0) _failed.Enqueue((slot, error));
            else if (!disk._released && disk.Holds(request->Operation, sector))
            {
                _stalled.Enqueue(((nint)request, slot));
                Interlocked.Increment(ref disk._held);
            }
            else below.Submit(request, slot);
        }

        public override void Kick()
        {
            LetGo();
            below.Kick();
        }

        public override bool TryTake(out int slot, out int result)
        {
            if (!_failed.TryDequeue(out (int Slot, int Result) failed)) return below.TryTake(out slot, out result);
            (slot, result) = failed;
            return true;
        }

        public override void Wait(long timeoutNanoseconds)
        {
            if (_failed.Count != 0) return;
            Interlocked.Increment(ref disk._waits);
            LetGo();
            below.Wait(timeoutNanoseconds);
        }

        public override void Wake() => below.Wake();

        public override void Dispose()
        {
            below.Dispose();
            base.Dispose();
        }

        private void LetGo()
        {
            if (!disk._released) return;
            while (_stalled.TryDequeue(out (nint Request, int Slot) stalled))
            {
                below.Submit((Request*)stalled.Request, stalled.Slot);
                Interlocked.Decrement(ref disk._held);
            }
        }
    }
}
