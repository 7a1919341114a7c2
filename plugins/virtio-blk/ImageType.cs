using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>Formats of disk images.</summary>
internal enum ImageType
{
    [ConfigValue("Raw", Cli = "raw", Help = "The bytes of the disk as they are")] Raw,
    [ConfigValue("Qcow2", Cli = "qcow2", Help = "QEMU copy-on-write, version 2 or 3")] Qcow2,
    [ConfigValue("FixedVhd", Cli = "vhd", Help = "VHD of fixed size")] FixedVhd,
    [ConfigValue("Vhdx", Cli = "vhdx", Help = "VHDX")] Vhdx,
    [ConfigValue("FlatVmdk", Cli = "vmdk", Help = "VMDK with a flat extent")] FlatVmdk,

    /// <summary>Not told.</summary>
    [ConfigValue("Unknown", NoCli = true)] Unknown,
}
