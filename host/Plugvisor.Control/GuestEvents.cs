using Plugvisor.Machine;
using Plugvisor.Machine.Vcpus;

namespace Plugvisor.Control;

/// <summary>
/// What the guest asked for and the loop has not looked at yet. vCPU threads post here and go on; events of one kind merge, so
/// a guest that asks a million times costs no memory. They are handled before any command.
/// </summary>
internal sealed class GuestEvents(Action wake) : IMachineListener
{
    private VcpuReport? _fatal;
    private string? _reset;
    private int _powerOff;

    /// <inheritdoc/>
    public void OnReset(string cause)
    {
        if (Interlocked.CompareExchange(ref _reset, cause, null) is null) wake();
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

    /// <summary>Takes the report of a vCPU that cannot go on, or null.</summary>
    public VcpuReport? TakeFatal() => Interlocked.Exchange(ref _fatal, null);

    /// <summary>Takes the cause of a reset, or null.</summary>
    public string? TakeReset() => Interlocked.Exchange(ref _reset, null);

    /// <summary>Takes a power-off.</summary>
    public bool TakePowerOff() => Interlocked.Exchange(ref _powerOff, 0) != 0;

    /// <summary>Forgets everything: the machine that said it is gone.</summary>
    public void Clear()
    {
        _ = TakeFatal();
        _ = TakeReset();
        _ = TakePowerOff();
    }
}
