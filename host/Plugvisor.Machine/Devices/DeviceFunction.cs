using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// The bus side of a plugin's device, whatever kind of device it is: what the host does with one while the machine lives. All members
/// are for the control loop, except <see cref="NeedsReset"/> and what guests reach.
/// </summary>
public abstract class DeviceFunction : PciFunction, IDisposable
{
    private readonly TimeSpan _stopDeadline;
    private int _users;       // accesses of vCPUs under way
    private bool _removed;
    private bool _released;

    /// <summary>A function that is on no bus yet.</summary>
    /// <param name="id">Unique id in the VM.</param>
    /// <param name="config">Its configuration registers.</param>
    /// <param name="stopDeadline">How long stopping the device may take before it is reported as stuck.</param>
    /// <param name="log">The device's log; lines carry the id.</param>
    protected DeviceFunction(string id, PciConfigSpace config, TimeSpan stopDeadline, IDeviceLog log)
        : base(id, config, log) => _stopDeadline = stopDeadline;

    /// <summary>The plugin's device. It belongs to this object, which disposes it in <see cref="Remove"/>.</summary>
    public abstract IDevice Device { get; }

    /// <summary>The world of <see cref="Device"/>, where the machine has made it.</summary>
    internal DeviceHost? Host { get; set; }

    /// <summary>The device cannot go on: it is latched, with one line in the log. Any thread.</summary>
    public abstract void NeedsReset(string reason);

    /// <summary>Stops what the device does by itself, where it stands. Waits for I/O in flight; the vCPUs may go on meanwhile.</summary>
    /// <exception cref="DeviceException">The device did not stop in time; it goes on.</exception>
    public abstract void Pause();

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public abstract void Resume();

    /// <summary>What the device adds to the machine's tree of devices, with its resources as they are now.</summary>
    public abstract IReadOnlyList<DeviceTreeNode> DescribeTree();

    /// <summary>
    /// Takes the device off its bus, stops it, disposes it and gives back what it held. Idempotent.
    /// </summary>
    /// <returns>
    /// False when the device did not stop in time or a vCPU hangs in it; then what it may still use is kept, which the log says.
    /// </returns>
    public bool Remove()
    {
        if (_removed) return _released;

        // First the guest loses sight of it (the doorbells go with the BAR), then the accesses under way end, then the device stops.
        Segment?.Remove(this);
        Volatile.Write(ref _removed, true);
        Interlocked.MemoryBarrier();   // pairs with the increment in TryEnter: either it sees the flag or we see it
        bool quiet = SpinWait.SpinUntil(() => Volatile.Read(ref _users) == 0, TimeSpan.FromSeconds(1));
        bool stopped = StopForGood();
        if (!quiet || !stopped)
        {
            Log.Warn("the removed device did not stop; its memory and descriptors stay in use");
            return false;
        }

        bool disposed = BoundedCall.Run("Dispose", Device.Dispose, _stopDeadline, out string? error);
        if (error is not null) Log.Warn(disposed ? error : $"{error}; the device's memory and descriptors stay in use");
        if (!disposed) return false;
        Release();   // last, as the device's threads could signal until they had ended
        return _released = true;
    }

    /// <summary>As <see cref="Remove"/>.</summary>
    public void Dispose()
    {
        Remove();
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Stops the device where it stands and keeps it so, for another instance to take over: <see cref="Adopt"/>, <see cref="Commit"/>, and in any case
    /// <see cref="EndExchange"/>. The vCPUs run on.
    /// </summary>
    /// <exception cref="DeviceException">It does not stop in time; it goes on.</exception>
    internal abstract void BeginExchange(TimeSpan deadline);

    /// <summary>Looks whether another instance can take this one's place, and tells it where its driver has got to. May be called on another thread.</summary>
    /// <exception cref="Exception">It cannot; any exception, as the plugin's code is called.</exception>
    internal abstract void Adopt(IDevice successor);

    /// <summary>Puts the adopted instance in place and starts it.</summary>
    /// <returns>What went wrong, or null.</returns>
    internal abstract string? Commit(TimeSpan deadline);

    /// <summary>Undoes <see cref="Commit"/>, also one that went wrong; nothing to do after none.</summary>
    internal abstract void Revert(TimeSpan deadline);

    /// <summary>The instance that is in place goes on.</summary>
    internal abstract void EndExchange();

    /// <summary>Stops the device; no vCPU is in it any more.</summary>
    /// <returns>False when it did not stop in time.</returns>
    protected abstract bool StopForGood();

    /// <summary>Gives back interrupts, doorbells and descriptors; the device is disposed.</summary>
    protected abstract void Release();

    /// <summary>An access of a vCPU begins. When the answer is true, <see cref="Leave"/> has to follow.</summary>
    /// <returns>False when the device is being removed: it answers nothing.</returns>
    protected bool TryEnter()
    {
        Interlocked.Increment(ref _users);
        if (!Volatile.Read(ref _removed)) return true;
        Leave();
        return false;
    }

    /// <summary>The access is over.</summary>
    protected void Leave() => Interlocked.Decrement(ref _users);
}
