namespace Plugvisor.Cli.CommandLine;

/// <summary>The options that are the host's own. Those of devices come from their plugins.</summary>
internal static class HostOptions
{
    public const string Kernel = "--kernel";
    public const string Firmware = "--firmware";
    public const string Initramfs = "--initramfs";
    public const string Cmdline = "--cmdline";
    public const string Cpus = "--cpus";
    public const string Memory = "--memory";
    public const string Platform = "--platform";
    public const string Serial = "--serial";
    public const string DebugConsole = "--debug-console";
    public const string RateLimitGroup = "--rate-limit-group";
    public const string PluginDir = "--plugin-dir";
    public const string WatchPlugins = "--watch-plugins";
    public const string NoShutdown = "--no-shutdown";
    public const string EventMonitor = "--event-monitor";
    public const string ApiSocket = "--api-socket";
    public const string DBusServiceName = "--dbus-service-name";
    public const string DBusObjectPath = "--dbus-object-path";
    public const string DBusSystemBus = "--dbus-system-bus";
    public const string LogFile = "--log-file";
    public const string LogFormat = "--log-format";

    /// <summary>All of them in the order of <c>--help</c>.</summary>
    public static IReadOnlyList<CommandLineOption> All { get; } =
    [
        new(Kernel, OptionGroup.Payload, "path", "Kernel to boot: a vmlinux with a PVH entry, or a bzImage") { IsPath = true },
        new(Firmware, OptionGroup.Payload, "path", "Firmware to boot: an ELF file with a PVH entry") { IsPath = true },
        new(Initramfs, OptionGroup.Payload, "path", "Initial RAM file system for the kernel") { IsPath = true },
        new(Cmdline, OptionGroup.Payload, "text", "Command line of the kernel") { TakesAnyText = true, Example = "'console=ttyS0 root=/dev/vda'" },

        new(Cpus, OptionGroup.Machine, "key=value,...", "vCPUs")
        {
            Default = "boot=1,max_phys_bits=46", Example = "boot=2,max=4,topology=1:2:1:2",
        },
        new(Memory, OptionGroup.Machine, "key=value,...", "Guest RAM") { Default = "size=512M", Example = "size=4G,hugepages=on" },
        new(Platform, OptionGroup.Machine, "key=value,...", "What the guest reads about its machine")
        {
            Example = "system_serial_number=ds=nocloud,oem_strings=[a,b]",
        },
        new(Serial, OptionGroup.Machine, "off|null|pty|tty|file=path|socket=path", "Serial port") { Default = "null" },
        new(DebugConsole, OptionGroup.Machine, "off|null|pty|tty|file=path|socket=path[,iobase=0x..]", "Debug console port")
        {
            Default = "off,iobase=0xe9",
        },
        new(RateLimitGroup, OptionGroup.Machine, "key=value,...", "Rate limiter that devices share")
        {
            IsRepeatable = true, Example = "id=slow,bw_size=1M,bw_refill_time=100",
        },

        new(PluginDir, OptionGroup.Vmm, "path", "Directory with plugins, one folder each; can be given again")
        {
            IsRepeatable = true, IsPath = true, Default = "plugins beside the executable",
        },
        new(WatchPlugins, OptionGroup.Vmm, null, "Load, reload and unload plugins as their folders in the plugin directories come, change and go"),
        new(NoShutdown, OptionGroup.Vmm, null, "Stay when the guest powers off"),
        new(EventMonitor, OptionGroup.Vmm, "path=path|fd=number", "Where to write what happens, as JSON: a file, FIFO, pipe or socket")
        {
            Example = "path=/run/vm1.events",
        },
        new(ApiSocket, OptionGroup.Vmm, "path|path=path|fd=number|none", "Where the REST API listens: a Unix socket to make, or one that is inherited")
        {
            IsPath = true, Default = "/run/user/UID/cloud-hypervisor.PID", Example = "/run/vm1.sock",
        },
        new(DBusServiceName, OptionGroup.Vmm, "name", "Offer the API on D-Bus by this name") { Example = "org.example.Vm1" },
        new(DBusObjectPath, OptionGroup.Vmm, "path", "Object path of the API on D-Bus; goes with the name") { Example = "/org/example/Vm1" },
        new(DBusSystemBus, OptionGroup.Vmm, null, "Use the system bus in place of the session bus"),
        new(LogFile, OptionGroup.Vmm, "path", "Where the log goes") { IsPath = true, Default = "stderr" },
        new(LogFormat, OptionGroup.Vmm, "text", "Layout of a log line, with {tokens}") { TakesAnyText = true },
    ];

    /// <summary>
    /// Options of Cloud Hypervisor that need something which is not there yet. Naming them gives a clear answer in place of a usage error.
    /// </summary>
    public static IReadOnlyDictionary<string, string> NotYet { get; } = new Dictionary<string, string>
    {
        ["--restore"] = "restoring snapshots",
        ["--memory-zone"] = "a memory zone",
        ["--numa"] = "NUMA",
        ["--pci-segment"] = "a second PCI segment",
        ["--landlock"] = "Landlock",
        ["--landlock-rules"] = "Landlock",
        ["--seccomp"] = "seccomp",
        ["--gdb"] = "the debug stub",
        ["--tpm"] = "the TPM",
        ["--igvm"] = "an IGVM payload",
        ["--fw-cfg-config"] = "fw_cfg",
    };

    /// <summary>Whether a name, without the dashes, is one of them: no plugin may take it for its kind.</summary>
    public static bool IsReserved(string name)
    {
        if (NotYet.ContainsKey("--" + name)) return true;
        foreach (CommandLineOption option in All)
        {
            if (option.Name.AsSpan(2).SequenceEqual(name)) return true;
        }

        return false;
    }
}
