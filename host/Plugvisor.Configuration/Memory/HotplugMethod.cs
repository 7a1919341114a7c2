using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Memory;

/// <summary>How RAM is added to a running VM.</summary>
public enum HotplugMethod
{
    /// <summary>ACPI memory devices.</summary>
    [ConfigValue("Acpi", Cli = "acpi")]
    Acpi,

    /// <summary>A virtio-mem device.</summary>
    [ConfigValue("VirtioMem", Cli = "virtio-mem")]
    VirtioMem,
}
