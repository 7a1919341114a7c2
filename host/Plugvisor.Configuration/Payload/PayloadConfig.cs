using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Payload;

/// <summary>What the VM boots: <c>payload</c> in VmConfig; options of their own on the command line.</summary>
[ConfigObject]
public sealed partial class PayloadConfig
{
    /// <summary>Firmware, a PVH ELF.</summary>
    [ConfigMember("firmware", IsPath = true, Help = "Firmware to boot (an ELF with a PVH entry)")]
    public string? Firmware { get; init; }

    /// <summary>A Linux kernel: vmlinux with a PVH entry, or a bzImage.</summary>
    [ConfigMember("kernel", IsPath = true, Help = "Kernel to boot (vmlinux or bzImage)")]
    public string? Kernel { get; init; }

    /// <summary>Its command line.</summary>
    [ConfigMember("cmdline", Help = "Command line of the kernel")]
    public string? Cmdline { get; init; }

    /// <summary>Its initial RAM file system.</summary>
    [ConfigMember("initramfs", IsPath = true, Help = "Initial RAM file system for the kernel")]
    public string? Initramfs { get; init; }
}
