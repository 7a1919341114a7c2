using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.Kvm.Native;

/// <summary>Process-wide permissions for guests (Linux, Documentation/arch/x86/xstate.rst).</summary>
internal static partial class KvmPermissions
{
    private const int ARCH_REQ_XCOMP_GUEST_PERM = 0x1025;
    private const nuint XfeatureTileData = 18;

    /// <summary>
    /// Lets guests use AMX. It has to be asked before the process's first vCPU; without it KVM hides the tile state. Harmless where the processor
    /// has none, and the guest still sees AMX only when its CPUID says so.
    /// </summary>
    public static void RequestAmx() => _ = arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, XfeatureTileData);

    [LibraryImport("libc")]
    private static partial int arch_prctl(int code, nuint argument);
}
