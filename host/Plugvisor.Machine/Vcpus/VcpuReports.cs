using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.X86;

namespace Plugvisor.Machine.Vcpus;

/// <summary>Words an exit that cannot go on and sends it to the VM's owner. On the vCPU's thread; throws nothing.</summary>
internal static class VcpuReports
{
    private const int LongestInstruction = 15;
    private const uint PageSize = 4096;

    // KVM_SYSTEM_EVENT_*, linux/kvm.h.
    private const ulong SystemEventShutdown = 1;
    private const ulong SystemEventReset = 2;
    private const ulong SystemEventCrash = 3;

    private const ulong Cr0ProtectionEnable = 1;
    private const ulong EferLongModeActive = 1 << 10;

    internal static void Send(VcpuWiring wiring, int index, IVcpu vcpu, ref VmExit exit)
    {
        VcpuReport report = Make(wiring.Memory, index, vcpu, Words(in exit), exit.Reason == VmExitReason.InternalError ? exit.Data : []);
        switch (exit.Reason)
        {
            case VmExitReason.Shutdown:
            case VmExitReason.SystemEvent when exit.Detail == SystemEventReset:
                wiring.Events.OnReset(report);
                break;
            case VmExitReason.SystemEvent when exit.Detail == SystemEventShutdown:
                wiring.Events.OnShutdown(report);
                break;
            default:
                wiring.Events.OnFatal(report);
                break;
        }
    }

    internal static void Send(VcpuWiring wiring, int index, IVcpu vcpu, Exception error) =>
        wiring.Events.OnFatal(Make(wiring.Memory, index, vcpu, error.Message, []) with { Error = error });

    /// <summary>Memory that the guest touched is lost.</summary>
    internal static void SendLost(VcpuWiring wiring, int index, IVcpu vcpu, ulong address, string known)
    {
        string where = address == 0 ? "" : $" at guest address 0x{address:x}";
        string reason = $"KVM cannot reach memory{where} that the guest uses: a file behind it was truncated, its file system is full or its disk failed{known}";
        wiring.Events.OnFatal(Make(wiring.Memory, index, vcpu, reason, []));
    }

    private static string Words(in VmExit exit) => exit.Reason switch
    {
        VmExitReason.Shutdown => "triple fault",
        VmExitReason.SystemEvent => exit.Detail switch
        {
            SystemEventShutdown => "the guest asked for a shutdown",
            SystemEventReset => "the guest asked for a reset",
            SystemEventCrash => "the guest reported a crash",
            _ => $"system event {exit.Detail} of the kernel",
        },
        VmExitReason.FailEntry => $"the processor refuses the guest's state (hardware reason 0x{exit.Detail:x})",
        VmExitReason.InternalError => exit.Detail switch
        {
            1 => "KVM cannot emulate an instruction (internal error, suberror 1)",
            2 => "KVM met an exception while it delivered another (internal error, suberror 2)",
            3 => "KVM met an unexpected exit while it delivered an event (internal error, suberror 3)",
            4 => "KVM met an unexpected exit of the hardware (internal error, suberror 4)",
            _ => $"KVM internal error, suberror {exit.Detail}",
        },
        VmExitReason.Halt => "halted with nothing to wake it",
        _ => $"exit {exit.Detail} of KVM, which this program does not know",
    };

    private static VcpuReport Make(GuestMemory memory, int index, IVcpu vcpu, string reason, ReadOnlySpan<byte> instruction)
    {
        try
        {
            X86Registers registers = vcpu.Registers;
            X86SystemRegisters system = vcpu.SystemRegisters;
            byte[] bytes = instruction.ToArray();
            if (bytes.Length == 0) bytes = ReadInstruction(memory, vcpu, system.Cs.Base + registers.Rip);
            return new VcpuReport(index, reason, registers.Rip, Mode(in system), bytes);
        }
        catch (HypervisorException)
        {
            return new VcpuReport(index, reason, null, null, instruction.ToArray());
        }
    }

    private static string Mode(in X86SystemRegisters system)
    {
        if ((system.Cr0 & Cr0ProtectionEnable) == 0) return "real mode";
        if ((system.Efer & EferLongModeActive) != 0 && system.Cs.L != 0) return $"64-bit, ring {system.Cs.Selector & 3}";
        return $"{(system.Cs.Db != 0 ? 32 : 16)}-bit, ring {system.Cs.Selector & 3}";
    }

    private static byte[] ReadInstruction(GuestMemory memory, IVcpu vcpu, ulong linear)
    {
        Span<byte> bytes = stackalloc byte[LongestInstruction];
        int have = 0;
        while (have < bytes.Length)
        {
            ulong at = linear + (uint)have;
            int part = (int)Math.Min((uint)(bytes.Length - have), PageSize - (uint)(at % PageSize));
            if (!vcpu.TryTranslate(at, out ulong physical) || !memory.TryRead(physical, bytes.Slice(have, part))) break;
            have += part;
        }

        return bytes[..have].ToArray();
    }
}
