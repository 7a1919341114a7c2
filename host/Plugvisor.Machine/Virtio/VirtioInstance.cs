using Plugvisor.Virtio.Devices;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// One instance of the device behind a virtio function, and its way to the bus. There is one at a time that serves the guest; when code is exchanged a second one is
/// made beside it. What an instance says before it serves is kept, what it says afterwards concerns nobody.
/// </summary>
internal sealed class VirtioInstance(IVirtioDevice device, IVirtioTransport bus) : IVirtioTransport
{
    private const int Candidate = 0, Serving = 1, Retired = 2;

    private int _state, _changed;
    private string? _failure;

    /// <summary>The device.</summary>
    public IVirtioDevice Device => device;

    /// <summary>The device, if its queues can be stopped without waiting for long.</summary>
    public IStopsInTime? StopsInTime { get; } = device as IStopsInTime;

    /// <summary>Why it cannot go on, said before it served; or null.</summary>
    public string? Failure => Volatile.Read(ref _failure);

    /// <inheritdoc/>
    public void SignalConfigChange()
    {
        Interlocked.Exchange(ref _changed, 1);   // a full fence: either Serve sees it, or it is passed on here
        if (Volatile.Read(ref _state) == Serving) bus.SignalConfigChange();
    }

    /// <inheritdoc/>
    public void NeedsReset(string reason)
    {
        Interlocked.CompareExchange(ref _failure, reason, null);
        if (Volatile.Read(ref _state) == Serving) bus.NeedsReset(reason);
    }

    /// <summary>It serves the guest from now on.</summary>
    public void Serve()
    {
        Interlocked.Exchange(ref _state, Serving);
        if (Volatile.Read(ref _changed) != 0) bus.SignalConfigChange();
        if (Failure is { } failure) bus.NeedsReset(failure);
    }

    /// <summary>Another one serves the guest.</summary>
    public void Retire() => Interlocked.Exchange(ref _state, Retired);
}
