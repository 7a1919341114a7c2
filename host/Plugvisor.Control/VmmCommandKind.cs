namespace Plugvisor.Control;

/// <summary>What can be asked of the VMM.</summary>
public enum VmmCommandKind
{
    /// <summary>Show that the loop answers.</summary>
    Ping,

    /// <summary>Take a configuration.</summary>
    Create,

    /// <summary>Build the machine of the configuration and start it.</summary>
    Boot,

    /// <summary>Stop vCPUs and devices where they are.</summary>
    Pause,

    /// <summary>Go on after a pause.</summary>
    Resume,

    /// <summary>Take the machine apart; the configuration stays.</summary>
    Shutdown,

    /// <summary>Shutdown and boot.</summary>
    Reboot,

    /// <summary>Drop the configuration, after a shutdown when the machine runs.</summary>
    Delete,

    /// <summary>Press the ACPI power button.</summary>
    PowerButton,

    /// <summary>Inject a non-maskable interrupt into every vCPU.</summary>
    Nmi,

    /// <summary>Read what devices counted.</summary>
    Counters,

    /// <summary>Show the configuration, the state and the devices.</summary>
    Info,

    /// <summary>Add a device: to the configuration, or to the running machine and the configuration.</summary>
    AddDevice,

    /// <summary>Take a device out.</summary>
    RemoveDevice,

    /// <summary>Load, unload or reload a plugin. Whether its devices allow it is found out on the way.</summary>
    ChangePlugins,

    /// <summary>Change how many vCPUs, how much RAM or how large a balloon there is.</summary>
    Resize,

    /// <summary>End the process, after a shutdown when the machine runs.</summary>
    ShutdownVmm,
}
