using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.Kvm;

/// <summary>Words for the ways in which opening KVM fails.</summary>
internal static class KvmOpenError
{
    private const int EPERM = 1, ENOENT = 2, ENXIO = 6, EACCES = 13, EBUSY = 16, ENODEV = 19;

    /// <summary>One line: what is wrong with the device node and what to do.</summary>
    public static string Explain(string path, int errno) => errno switch
    {
        ENOENT => $"{path} does not exist: enable virtualization in the firmware and load the module (modprobe kvm_intel or kvm_amd); "
            + "inside a VM or container the outer host must pass it through",
        EACCES or EPERM => $"{path} may not be opened by this user: add the user to the group that owns it (usermod -aG kvm USER, "
            + "then log in again), or in a container pass the device through",
        ENXIO or ENODEV => $"{path} has no driver behind it: load the module (modprobe kvm_intel or kvm_amd) and look into the kernel "
            + "log for why it refuses",
        EBUSY => $"{path} is in use by another hypervisor: stop it first",
        _ => $"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})",
    };
}
