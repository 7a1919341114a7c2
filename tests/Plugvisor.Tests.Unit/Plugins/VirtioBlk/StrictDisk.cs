using Plugvisor.Linux.Events;
using Plugvisor.Plugins.VirtioBlk;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Plugins.VirtioBlk.Images;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>
/// A host's disk with the O_DIRECT units of a test: what does not keep to them is refused with EINVAL, as the kernel would, and counted.
/// </summary>
internal sealed unsafe class StrictDisk(DirectUnits units) : IEngineLayer
{
    private int _direct, _bounced, _buffered, _refused;

    /// <summary>Transfers past the page cache on the guest's own buffers.</summary>
    public int Direct => Volatile.Read(ref _direct);

    /// <summary>Transfers past the page cache by way of the bounce buffer.</summary>
    public int Bounced => Volatile.Read(ref _bounced);

    /// <summary>Transfers through the page cache.</summary>
    public int Buffered => Volatile.Read(ref _buffered);

    /// <summary>Transfers that O_DIRECT would have refused.</summary>
    public int Refused => Volatile.Read(ref _refused);

    BlockEngine IEngineLayer.Over(BlockEngine engine) => new Engine(this, engine);

    DirectUnits IEngineLayer.Units(DirectUnits actual) => new(Math.Max(units.Memory, actual.Memory), Math.Max(units.Offset, actual.Offset));

    private int Check(Request* request)
    {
        const int EINVAL = 22;
        if (request->Operation is not (Operation.Read or Operation.Write)) return 0;
        if (request->Buffered)
        {
            _buffered++;
            return 0;
        }

        ulong wrong = request->Offset & (units.Offset - 1);
        foreach (IoSegment segment in new ReadOnlySpan<IoSegment>(request->Vector, request->VectorCount))
            wrong |= ((nuint)segment.Address & (units.Memory - 1)) | (segment.Length & (units.Offset - 1));
        if (wrong != 0)
        {
            _refused++;
            return -EINVAL;
        }

        if (request->Bounced) _bounced++;
        else _direct++;
        return 0;
    }

    private sealed class Engine(StrictDisk disk, BlockEngine below) : BlockEngine
    {
        private readonly Queue<(int Slot, int Result)> _refused = new();

        public override bool HasEvents => _refused.Count != 0 || below.HasEvents;

        public override void Attach(EventFd doorbell) => below.Attach(doorbell);

        public override void Submit(Request* request, int slot)
        {
            int error = disk.Check(request);
            if (error == 0) below.Submit(request, slot);
            else _refused.Enqueue((slot, error));
        }

        public override void Kick() => below.Kick();

        public override bool TryTake(out int slot, out int result)
        {
            if (!_refused.TryDequeue(out (int Slot, int Result) refused)) return below.TryTake(out slot, out result);
            (slot, result) = refused;
            return true;
        }

        public override void Wait(long timeoutNanoseconds)
        {
            if (_refused.Count == 0) below.Wait(timeoutNanoseconds);
        }

        public override void Wake() => below.Wake();

        public override void Dispose()
        {
            below.Dispose();
            base.Dispose();
        }
    }
}
