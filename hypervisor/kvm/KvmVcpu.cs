using System.Runtime.InteropServices;
using Plugvisor.Hypervisor.Kvm.Cpu;
using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Memory;
using Plugvisor.Linux.Threads;

namespace Plugvisor.Hypervisor.Kvm;

/// <summary>
/// A vCPU and the page it shares with the kernel. <see cref="RequestExit"/> sets that page's <c>immediate_exit</c> and sends
/// a signal that the thread lets in only inside KVM_RUN, so nothing is lost and no signal handler ever runs.
/// </summary>
internal sealed unsafe class KvmVcpu : IVcpu
{
    private readonly Lazy<VcpuInitialization> _initialization;
    private readonly FileDescriptor _vcpu;
    private readonly MemoryMapping _mapping;
    private readonly KvmRun* _run;
    private readonly int _fd;
    private volatile int _threadId;

    internal KvmVcpu(Lazy<VcpuInitialization> initialization, FileDescriptor vcpu, uint id, nuint runSize)
    {
        _initialization = initialization;
        _vcpu = vcpu;
        _fd = vcpu.Value;
        Id = id;
        try
        {
            _mapping = MemoryMapping.Map(runSize, MemoryMapping.ReadWrite, MemoryMapping.Shared, _fd, 0, $"of vCPU {id}");
        }
        catch
        {
            vcpu.Dispose();
            throw;
        }

        // SAFETY: the mapping is at least as large as struct kvm_run and lives until Dispose.
        _run = (KvmRun*)_mapping.Address;
    }

    /// <inheritdoc/>
    public uint Id { get; }

    /// <inheritdoc/>
    public X86Registers Registers
    {
        get
        {
            X86Registers value = default;
            KvmIoctl.Require(_fd, KvmRequest.KVM_GET_REGS, &value, "KVM_GET_REGS");
            return value;
        }
        set => KvmIoctl.Require(_fd, KvmRequest.KVM_SET_REGS, &value, "KVM_SET_REGS");
    }

    /// <inheritdoc/>
    public X86SystemRegisters SystemRegisters
    {
        get
        {
            X86SystemRegisters value = default;
            KvmIoctl.Require(_fd, KvmRequest.KVM_GET_SREGS, &value, "KVM_GET_SREGS");
            return value;
        }
        set => KvmIoctl.Require(_fd, KvmRequest.KVM_SET_SREGS, &value, "KVM_SET_SREGS");
    }

    /// <inheritdoc/>
    public void Initialize(in VcpuSetup setup) => _initialization.Value.Apply(_fd, Id, setup);

    /// <inheritdoc/>
    public void Run(out VmExit exit)
    {
        if (_threadId == 0) AttachThisThread();
        exit = default;
        if (KvmIoctl.Call(_fd, KvmRequest.KVM_RUN, 0) < 0)
        {
            NotRun(Marshal.GetLastSystemError(), ref exit);
            return;
        }

        KvmRun* run = _run;
        switch (run->ExitReason)
        {
            case KvmRun.KVM_EXIT_IO:
                exit.Reason = VmExitReason.Port;
                exit.IsWrite = run->IoDirection == KvmRun.KVM_EXIT_IO_OUT;
                exit.Width = run->IoSize;
                exit.Count = (int)run->IoCount;
                exit.Address = run->IoPort;
                exit.Data = new Span<byte>((byte*)run + run->IoDataOffset, exit.Width * exit.Count);
                break;
            case KvmRun.KVM_EXIT_MMIO:
                exit.Reason = VmExitReason.Mmio;
                exit.IsWrite = run->MmioIsWrite != 0;
                exit.Width = (int)run->MmioLength;
                exit.Count = 1;
                exit.Address = run->MmioAddress;
                exit.Data = new Span<byte>(run->MmioData, exit.Width);
                break;
            case KvmRun.KVM_EXIT_IOAPIC_EOI:
                exit.Reason = VmExitReason.IoapicEoi;
                exit.Address = run->EoiVector;
                break;
            default:
                Rare(run, ref exit);
                break;
        }
    }

    /// <inheritdoc/>
    public void RequestExit()
    {
        Volatile.Write(ref _run->ImmediateExit, 1);
        int thread = _threadId;
        if (thread != 0) ThreadSignal.Send(thread);
    }

    /// <inheritdoc/>
    public void ClearExitRequest() => Volatile.Write(ref _run->ImmediateExit, 0);

    /// <inheritdoc/>
    public void InjectNmi() => KvmIoctl.Require(_fd, KvmRequest.KVM_NMI, 0, "KVM_NMI");

    /// <inheritdoc/>
    public void NotifyPaused() => _ = KvmIoctl.Try(_fd, KvmRequest.KVM_KVMCLOCK_CTRL, 0);   // EINVAL: the guest uses no kvmclock

    /// <inheritdoc/>
    public bool TryTranslate(ulong linear, out ulong physical)
    {
        KvmTranslation translation = default;
        translation.Linear = linear;
        bool valid = KvmIoctl.Try(_fd, KvmRequest.KVM_TRANSLATE, &translation) >= 0 && translation.Valid != 0;
        physical = translation.Physical;
        return valid;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapping.Dispose();
        _vcpu.Dispose();
    }

    private static void Rare(KvmRun* run, ref VmExit exit)
    {
        exit.Reason = run->ExitReason switch
        {
            KvmRun.KVM_EXIT_INTR => VmExitReason.Interrupted,
            KvmRun.KVM_EXIT_HLT => VmExitReason.Halt,
            KvmRun.KVM_EXIT_SHUTDOWN => VmExitReason.Shutdown,
            KvmRun.KVM_EXIT_SYSTEM_EVENT => VmExitReason.SystemEvent,
            KvmRun.KVM_EXIT_FAIL_ENTRY => VmExitReason.FailEntry,
            KvmRun.KVM_EXIT_INTERNAL_ERROR => VmExitReason.InternalError,
            _ => VmExitReason.Unknown,
        };
        exit.Detail = exit.Reason switch
        {
            VmExitReason.FailEntry => run->HardwareReason,
            VmExitReason.InternalError => run->InternalSuberror,
            VmExitReason.SystemEvent => run->SystemEventType,
            _ => run->ExitReason,
        };
        if (exit.Reason == VmExitReason.InternalError && run->InternalSuberror == KvmRun.KVM_INTERNAL_ERROR_EMULATION
            && run->InternalDataCount >= 1 && (run->EmulationFlags & KvmRun.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0)
        {
            exit.Data = new Span<byte>(run->InstructionBytes, Math.Min(run->InstructionSize, (byte)15));
        }
    }

    /// <summary>KVM_RUN came back without an exit: the default exit, <see cref="VmExitReason.Interrupted"/>, or no way on.</summary>
    private void NotRun(int errno, ref VmExit exit)
    {
        if (errno == KvmIoctl.EFAULT)
        {
            exit.Reason = VmExitReason.MemoryFault;
            // From Linux 6.8 on; before that the field is never written.
            if (_run->ExitReason == KvmRun.KVM_EXIT_MEMORY_FAULT) exit.Address = _run->MemoryFaultAddress;
            _run->ExitReason = KvmRun.KVM_EXIT_UNKNOWN;
            return;
        }

        // EAGAIN: a vCPU that waited for INIT or SIPI got it.
        if (errno is not (KvmIoctl.EINTR or KvmIoctl.EAGAIN)) KvmIoctl.ThrowRefused($"to run vCPU {Id} (KVM_RUN)", errno);
        ThreadSignal.Consume();
    }

    private void AttachThisThread()
    {
        var mask = new KvmSignalMask { Length = ThreadSignal.SetSize, Set = ThreadSignal.BlockOnThisThread() };
        KvmIoctl.Require(_fd, KvmRequest.KVM_SET_SIGNAL_MASK, &mask, "KVM_SET_SIGNAL_MASK");
        _threadId = ThreadSignal.CurrentThreadId;
    }
}
