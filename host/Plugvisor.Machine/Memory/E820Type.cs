namespace Plugvisor.Machine.Memory;

/// <summary>What a guest may do with a range of its memory map (ACPI 6.3, table 15-374; the same numbers in the PVH memory map).</summary>
public enum E820Type
{
    /// <summary>Usable RAM.</summary>
    Ram = 1,

    /// <summary>Not usable, and no free space for devices either.</summary>
    Reserved = 2,
}
