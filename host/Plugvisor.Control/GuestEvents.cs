using Plugvisor.Machine;
using Plugvisor.Machine.Vcpus;

namespace Plugvisor.Control;

/// <summary>
/// What the guest, or a signal, asked for and the loop has not looked at yet. The threads that post go on; events of one kind merge, so
/// a guest that asks a million times costs no memory. They are handled before any command.
/// </summary>
internal sealed class GuestEvents(Action wake) : IMachineListener
{
    private VcpuReport? _fatal;
    private VcpuReport? _fault;
    private string? _reset;
    private int _powerOff;
    private int _terminate;
    private int _removed;
    private uint _ejected;   // slots of segment 0, a bit each

    /// <inheritdoc/>
    public void OnReset(string cause)
    {
        if (Interlocked.CompareExchange(ref _reset, cause, null) is null) wake();
    }

    /// <inheritdoc/>
    public void OnFault(VcpuReport report)
    {
        if (Interlocked.CompareExchange(ref _fault, report, null) is null) wake();
    }

    /// <inheritdoc/>
    public void OnPowerOff()
    {
        if (Interlocked.Exchange(ref _powerOff, 1) == 0) wake();
    }

    /// <inheritdoc/>
    public void OnFatal(VcpuReport report)
    {
        if (Interlocked.CompareExchange(ref _fatal, report, null) is null) wake();
    }

    /// <inheritdoc/>
    public void OnEject(int segment, int slot)
    {
        uint bit = 1u << slot;
        if ((Interlocked.Or(ref _ejected, bit) & bit) == 0) wake();
    }

    /// <inheritdoc/>
    public void OnRemoved()
    {
        if (Interlocked.Exchange(ref _removed, 1) == 0) wake();
    }

    /// <summary>
    /// Where events of guests go, with name and properties; called on the thread that reports, so that they come before what follows from them. Set
    /// before a machine is made.
    /// </summary>
    public Action<string, IReadOnlyDictionary<string, string>>? GuestEventHandler { get; set; }

    /// <inheritdoc/>
    public void OnGuestEvent(string name, IReadOnlyDictionary<string, string> properties) => GuestEventHandler?.Invoke(name, properties);

    /// <summary>Called when the process was asked to end, on the thread that asks. Set before the loop runs.</summary>
    public Action? TerminateHandler { get; set; }

    /// <summary>The process was asked to end.</summary>
    public void OnTerminate()
    {
        if (Interlocked.Exchange(ref _terminate, 1) != 0) return;
        TerminateHandler?.Invoke();
        wake();
    }

    /// <summary>Whether the process was asked to end. Stays.</summary>
    public bool IsTerminating => Volatile.Read(ref _terminate) != 0;

    /// <summary>Takes the report of a vCPU that cannot go on, or null.</summary>
    public VcpuReport? TakeFatal() => Interlocked.Exchange(ref _fatal, null);

    /// <summary>Takes the report of a fault that resets the machine, or null.</summary>
    public VcpuReport? TakeFault() => Interlocked.Exchange(ref _fault, null);

    /// <summary>Takes the cause of a reset, or null.</summary>
    public string? TakeReset() => Interlocked.Exchange(ref _reset, null);

    /// <summary>Takes a power-off.</summary>
    public bool TakePowerOff() => Interlocked.Exchange(ref _powerOff, 0) != 0;

    /// <summary>Takes the PCI slots whose devices the guest let go of, a bit each.</summary>
    public uint TakeEjected() => Interlocked.Exchange(ref _ejected, 0);

    /// <summary>Takes the news that a removed device has stopped.</summary>
    public bool TakeRemoved() => Interlocked.Exchange(ref _removed, 0) != 0;

    /// <summary>Forgets everything: the machine that said it is gone.</summary>
    public void Clear()
    {
        _ = TakeFatal();
        _ = TakeFault();
        _ = TakeReset();
        _ = TakePowerOff();
        _ = TakeEjected();
        _ = TakeRemoved();
    }
}
