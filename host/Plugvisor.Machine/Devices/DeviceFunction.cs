using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// The bus side of a plugin's device, whatever kind of device it is: what the host does with one while the machine lives. All members
/// are for the control loop, except <see cref="NeedsReset"/> and what guests reach.
/// </summary>
public abstract class DeviceFunction : PciFunction, IDisposable
{
    private const long Read = 1, Write = 1 << 16, Began = 1L << 32;
    private const uint Reads = 0xffff;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly TimeSpan _stopDeadline;
    // Accesses of vCPUs: under way in the low half, reads in its lower 16 bits and writes above them; how many ever began in the high half.
    private long _accesses;
    private long _accessesSeen;
    private long _seenAt;
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

    /// <summary>An access of a vCPU did not return from the device, which is not called by vCPUs any more. Any thread.</summary>
    protected bool IsLost { get; private set; }

    /// <summary>The device cannot go on: it is latched, with one line in the log. Any thread.</summary>
    public abstract void NeedsReset(string reason);

    /// <summary>The device's own code is to blame for something: it is latched, and the line in the log names the plugin. Any thread.</summary>
    /// <param name="what">What it did: <c>Reset threw ...</c>.</param>
    public abstract void Blame(string what);

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

        Disconnect();
        if (!StopDisconnected()) return false;
        ReleaseStopped();
        return true;
    }

    /// <summary>
    /// The first part of <see cref="Remove"/>: the guest loses sight of the device (the doorbells go with the BAR), and no further access of a vCPU gets into it.
    /// </summary>
    internal void Disconnect()
    {
        Segment?.Remove(this);
        Volatile.Write(ref _removed, true);
        Interlocked.MemoryBarrier();   // pairs with the increment in TryEnter: either it sees the flag or we see it
    }

    /// <summary>
    /// The second part: waits for the accesses under way, stops the device and disposes it. Takes no longer than its deadlines. Any one thread.
    /// </summary>
    /// <returns>False when it did not stop in time or a vCPU hangs in it; then what it may still use is kept, which the log says.</returns>
    internal bool StopDisconnected()
    {
        bool quiet = SpinWait.SpinUntil(() => (uint)Volatile.Read(ref _accesses) == 0, TimeSpan.FromSeconds(1));
        bool stopped = StopForGood();
        if (!quiet || !stopped)
        {
            string who = DescribeCall() is { } call ? $" ({Culprit}{call} has not returned)" : "";
            Log.Warn($"the removed device did not stop{who}; its memory and descriptors stay in use");
            return false;
        }

        bool disposed = BoundedCall.Run("Dispose", Device.Dispose, _stopDeadline, out string? error);
        if (error is not null) Log.Warn(disposed ? $"{Culprit}{error}" : $"{Culprit}{error}; the device's memory and descriptors stay in use");
        if (!disposed) return false;
        if (Host?.FindLeakedThreads() is { } leaked)
        {
            Log.Warn($"{Culprit}Dispose left threads running ({leaked}); the device's memory and descriptors stay in use");
            return false;
        }

        return true;
    }

    /// <summary>The last part, after the device was stopped: gives back interrupts and doorbells, which its threads could use until they had ended.</summary>
    internal void ReleaseStopped()
    {
        Release();
        _released = true;
    }

    /// <summary>
    /// Looks whether an access of a vCPU hangs in the device. Then it is latched and named in the log, and no further vCPU gets caught; the one that
    /// is in it is lost until the call returns. Control loop, about once a second.
    /// </summary>
    public void LookAfter()
    {
        long now = Volatile.Read(ref _accesses);
        if ((uint)now == 0 || now != _accessesSeen)
        {
            _accessesSeen = now;
            _seenAt = Environment.TickCount64;
            return;
        }

        if (IsLost || Environment.TickCount64 - _seenAt < s_patience.TotalMilliseconds) return;
        IsLost = true;
        Blame($"{DescribeCall()} has not returned for {s_patience.TotalSeconds:0} s, and the vCPU that called it waits");
    }

    /// <summary>What a vCPU or the host waits for in the device at this moment, or null.</summary>
    public string? DescribeCall()
    {
        uint underWay = (uint)Volatile.Read(ref _accesses);
        return DescribeCall(reads: (underWay & Reads) != 0, writes: underWay > Reads);
    }

    /// <summary>Names the callback of the device that is under way, or null.</summary>
    /// <param name="reads">Whether a vCPU reads registers or configuration.</param>
    /// <param name="writes">Whether a vCPU writes them.</param>
    protected abstract string? DescribeCall(bool reads, bool writes);

    /// <summary>Begins a line of the log about what the plugin did.</summary>
    protected string Culprit => (Log as DeviceLog)?.Culprit ?? "";

    /// <summary>As <see cref="Remove"/>.</summary>
    public void Dispose()
    {
        Remove();
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Stops the device where it stands and keeps it so, for another instance to take over: <see cref="Adopt"/>, <see cref="Commit"/>, and in any case
    /// <see cref="EndExchange"/>. The vCPUs run on. These may be called on several threads, one after the other.
    /// </summary>
    /// <exception cref="DeviceException">It does not stop in time; it goes on.</exception>
    internal abstract void BeginExchange(TimeSpan deadline);

    /// <summary>Looks whether another instance can take this one's place, and tells it where its driver has got to.</summary>
    /// <exception cref="Exception">It cannot; any exception, as the plugin's code is called.</exception>
    internal abstract void Adopt(IDevice successor);

    /// <summary>Puts the adopted instance in place and starts it.</summary>
    /// <returns>What went wrong, or null.</returns>
    internal abstract string? Commit(TimeSpan deadline);

    /// <summary>Undoes <see cref="Commit"/>, also one that went wrong; nothing to do after none.</summary>
    internal abstract void Revert();

    /// <summary>One of these does not come back: the device is latched, and nothing more is done with it.</summary>
    internal abstract void Lose(string reason);

    /// <summary>The instance that is in place goes on.</summary>
    internal abstract void EndExchange();

    /// <summary>Stops the device; no vCPU is in it any more.</summary>
    /// <returns>False when it did not stop in time.</returns>
    protected abstract bool StopForGood();

    /// <summary>Gives back interrupts, doorbells and descriptors; the device is disposed.</summary>
    protected abstract void Release();

    /// <summary>A read of a vCPU begins. When the answer is true, <see cref="LeaveRead"/> has to follow.</summary>
    /// <returns>False when the device is being removed: it answers nothing.</returns>
    protected bool TryEnterRead() => TryEnter(Read);

    /// <summary>A write of a vCPU begins. When the answer is true, <see cref="LeaveWrite"/> has to follow.</summary>
    /// <returns>False when the device is being removed: it takes nothing.</returns>
    protected bool TryEnterWrite() => TryEnter(Write);

    /// <summary>The read is over.</summary>
    protected void LeaveRead() => Interlocked.Add(ref _accesses, -Read);

    /// <summary>The write is over.</summary>
    protected void LeaveWrite() => Interlocked.Add(ref _accesses, -Write);

    private bool TryEnter(long kind)
    {
        Interlocked.Add(ref _accesses, Began + kind);
        if (!Volatile.Read(ref _removed)) return true;
        Interlocked.Add(ref _accesses, -kind);
        return false;
    }
}
