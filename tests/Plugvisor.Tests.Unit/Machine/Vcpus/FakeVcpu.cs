using System.Collections.Concurrent;
using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.X86;

namespace Plugvisor.Tests.Unit.Machine.Vcpus;

/// <summary>A vCPU whose runs end as the test says; without a next step it runs until it is asked to exit.</summary>
internal sealed class FakeVcpu : IVcpu
{
    private readonly BlockingCollection<Step> _steps = [];
    private readonly ManualResetEventSlim _exitRequested = new();

    /// <summary>One run.</summary>
    public delegate void Step(out VmExit exit);

    public uint Id { get; init; }

    public X86Registers Registers { get; set; } = new() { Rip = 0x1234 };

    public X86SystemRegisters SystemRegisters { get; set; }

    public int Runs { get; private set; }

    public int PauseNotices { get; private set; }

    public int Nmis { get; private set; }

    public bool IsDisposed { get; private set; }

    public bool FailRegisters { get; set; }

    public void Add(Step step) => _steps.Add(step);

    public void Add(VmExitReason reason, ulong detail = 0) => Add((out exit) => exit = new VmExit { Reason = reason, Detail = detail });

    public void Run(out VmExit exit)
    {
        Runs++;
        if (!_exitRequested.IsSet && _steps.TryTake(out Step? step))
        {
            step(out exit);
            return;
        }

        _exitRequested.Wait();
        exit = new VmExit { Reason = VmExitReason.Interrupted };
    }

    public void RequestExit() => _exitRequested.Set();

    public void ClearExitRequest() => _exitRequested.Reset();

    public void Initialize(in VcpuSetup setup) => throw new NotSupportedException();

    public void InjectNmi() => Nmis++;

    public void NotifyPaused() => PauseNotices++;

    public bool TryTranslate(ulong linear, out ulong physical)
    {
        physical = linear;
        return linear < 0x2000;
    }

    public void Dispose() => IsDisposed = true;

    X86Registers IVcpu.Registers
    {
        get => FailRegisters ? throw new HypervisorException("no registers") : Registers;
        set => Registers = value;
    }
}
