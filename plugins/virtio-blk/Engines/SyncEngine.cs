using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Plugins.VirtioBlk.Images;

namespace Plugvisor.Plugins.VirtioBlk.Engines;

/// <summary>
/// Plain system calls, one at a time, for hosts that forbid io_uring. <see cref="Submit"/> does the work and keeps the result for
/// <see cref="TryTake"/>.
/// </summary>
internal sealed unsafe class SyncEngine : BlockEngine
{
    private const int NanosecondsPerMillisecond = 1_000_000;

    private readonly RawImage _image;
    private readonly Epoll _epoll = new();
    private readonly (int Slot, int Result)[] _done;
    private int _first, _count;
    private EventFd? _doorbell;

    /// <summary>Makes the engine.</summary>
    /// <param name="image">The image.</param>
    /// <param name="slots">The most operations in flight.</param>
    public SyncEngine(RawImage image, int slots)
    {
        _image = image;
        _done = new (int, int)[slots + 1];
        // Edge-triggered: each signal wakes once, and nobody pays a read to take the counter down.
        _epoll.Set(Control.Descriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, 0);
    }

    /// <inheritdoc/>
    public override bool HasEvents => _count != 0;

    /// <inheritdoc/>
    public override void Attach(EventFd doorbell)
    {
        if (ReferenceEquals(doorbell, _doorbell)) return;
        if (_doorbell is { IsClosed: false }) _epoll.Remove(_doorbell.Descriptor);
        _doorbell = doorbell;
        _epoll.Set(doorbell.Descriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, 0);
    }

    /// <inheritdoc/>
    public override void Submit(Request* request, int slot)
    {
        int last = _first + _count++;
        if (last >= _done.Length) last -= _done.Length;
        _done[last] = (slot, Run(request));
    }

    /// <inheritdoc/>
    public override void Kick()
    {
    }

    /// <inheritdoc/>
    public override bool TryTake(out int slot, out int result)
    {
        if (_count == 0)
        {
            slot = result = 0;
            return false;
        }

        (slot, result) = _done[_first];
        if (++_first == _done.Length) _first = 0;
        _count--;
        return true;
    }

    /// <inheritdoc/>
    public override void Wait(long timeoutNanoseconds)
    {
        if (_count != 0) return;
        Span<EpollEvent> ready = stackalloc EpollEvent[2];
        long milliseconds = timeoutNanoseconds < 0 ? -1 : (timeoutNanoseconds + NanosecondsPerMillisecond - 1) / NanosecondsPerMillisecond;
        _ = _epoll.Wait(ready, (int)Math.Min(milliseconds, int.MaxValue));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _epoll.Dispose();
        base.Dispose();
    }

    private int Run(Request* request)
    {
        LinuxFile file = request->Buffered ? _image.Buffered! : _image.File;
        return request->Operation switch
        {
            Operation.Read => (int)file.ReadAt(request->Vector, request->VectorCount, request->Offset),
            Operation.Write => (int)file.WriteAt(
                request->Vector, request->VectorCount, request->Offset, request->Durable ? LinuxFile.Durable : 0),
            Operation.Sync => file.SyncData(),
            Operation.Punch => file.Allocate(FileAllocation.PunchHole | FileAllocation.KeepSize, request->Offset, request->Length),
            _ => file.Allocate(FileAllocation.ZeroRange | FileAllocation.KeepSize, request->Offset, request->Length),
        };
    }
}
