namespace Plugvisor.Machine.Hotplug;

/// <summary>What the generic event device tells the guest, one bit each.</summary>
[Flags]
public enum GenericEvent : byte
{
    /// <summary>Nothing happened.</summary>
    None = 0,

    /// <summary>A CPU came or is to go.</summary>
    Cpu = 1,

    /// <summary>Memory came or is to go.</summary>
    Memory = 2,

    /// <summary>A PCI device came or is to go.</summary>
    Pci = 4,

    /// <summary>The power button was pressed.</summary>
    PowerButton = 8,
}
