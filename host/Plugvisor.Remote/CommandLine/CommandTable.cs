using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;
using Plugvisor.Remote.Calls;
using Plugvisor.Remote.Plugins;

namespace Plugvisor.Remote.CommandLine;

/// <summary>
/// The commands: those of ch-remote (interface reference section 4.4), one add-KIND for each plugin whose devices can be added, and a few of our own.
/// </summary>
internal static class CommandTable
{
    public const string Completions = "completions", Man = "man", Help = "help";

    private const string AddPrefix = "add-";

    /// <summary>The kinds that the interface names. Without their plugin they take a JSON document only.</summary>
    private static readonly (string Kind, string Noun)[] InterfaceKinds =
    [
        ("device", "VFIO device"), ("disk", "disk"), ("fs", "shared file system"), ("generic-vhost-user", "generic vhost-user device"), ("net", "network device"),
        ("pmem", "persistent memory device"), ("user-device", "vfio-user device"), ("vdpa", "vDPA device"), ("vsock", "vsock device"),
    ];

    /// <summary>Whether the commands for this command line depend on plugins. They are looked for only then.</summary>
    public static bool NeedsPlugins(string? command) =>
        command is null or Completions or Man or Help || command.StartsWith(AddPrefix, StringComparison.Ordinal);

    /// <summary>All commands.</summary>
    /// <param name="kinds">The device kinds that are known here.</param>
    /// <param name="whyUnknown">Says of a kind why it is not known, and what to do.</param>
    public static List<RemoteCommand> All(IReadOnlyList<DeviceConfigSchema> kinds, Func<string, string> whyUnknown)
    {
        List<RemoteCommand> commands =
        [
            new("create", CommandGroup.Vm, "Create the VM from a configuration")
            {
                Argument = new("path", "JSON file with a VmConfig, or - for standard input") { IsOptional = true, IsPath = true },
                Example = "create vm.json", Call = CreateCall.Make,
            },
            Put("boot", "Boot the created VM"),
            Get("info", "vm.info", CommandGroup.Vm, "Show the VM's configuration and state"),
            Get("counters", "vm.counters", CommandGroup.Vm, "Show what its devices counted"),
            Put("pause", "Pause the VM"),
            Put("resume", "Resume the paused VM"),
            Put("reboot", "Reboot the VM"),
            Put("power-button", "Press the VM's power button"),
            Put("nmi", "Inject a non-maskable interrupt into every vCPU") with { Call = static _ => new RemoteCall("vm.nmi") { DBusMethod = null } },
            Put("shutdown", "Switch the VM off; it can be booted again"),
            Put("delete", "Switch the VM off and forget its configuration"),
        ];
        AddDeviceCommands(commands, kinds, whyUnknown);
        commands.AddRange(
        [
            new("remove-device", CommandGroup.Devices, "Remove a device")
            {
                Argument = new("id", "The device's id"), Example = "remove-device _disk2",
                Call = static input => new RemoteCall("vm.remove-device", Documents.Of("id", input.Text)),
            },
            new("resize", CommandGroup.Devices, "Change the number of vCPUs, the memory or the balloon")
            {
                Options =
                [
                    new(ResizeCalls.Cpus, "number", "vCPUs that are wanted"),
                    new(ResizeCalls.Memory, "size", "Memory that is wanted, in bytes or with K, M, G"),
                    new(ResizeCalls.Balloon, "size", "Size of the balloon, in bytes or with K, M, G"),
                ],
                Example = "resize --cpus 4 --memory 2G", Call = ResizeCalls.Vm,
            },
            new("resize-disk", CommandGroup.Devices, "Change the size of a disk")
            {
                Options = [new(ResizeCalls.Disk, "id", "The disk's id") { IsRequired = true }, Size("Its new size")],
                Example = "resize-disk --disk _disk0 --size 20G", Call = ResizeCalls.OfDisk,
            },
            new("resize-zone", CommandGroup.Devices, "Change the size of a memory zone")
            {
                Options = [new(ResizeCalls.Id, "id", "The zone's id") { IsRequired = true }, Size("Its new size")],
                Example = "resize-zone --id mem0 --size 2G", Call = ResizeCalls.OfZone,
            },
            Url("snapshot", "Save the paused VM", "file:///var/lib/vm1/snapshot"),
            new("restore", CommandGroup.State, "Make a VM of a snapshot")
            {
                Argument = new("restore-config", "What to restore") { Keys = StateCalls.RestoreKeys },
                Example = "restore source_url=file:///var/lib/vm1/snapshot,resume=on", Call = StateCalls.Restore,
            },
            Url("coredump", "Write the guest's memory and registers as a core file", "file:///var/tmp/vm1.core"),
            new("receive-migration", CommandGroup.State, "Wait for a VM and take it")
            {
                Argument = new("config", "Where from; or only a URL") { Keys = StateCalls.ReceiveKeys },
                Example = "receive-migration receiver_url=tcp:0.0.0.0:4444", Call = StateCalls.Receive,
            },
            new("send-migration", CommandGroup.State, "Send the VM away")
            {
                Argument = new("config", "Where to; or only a URL") { Keys = StateCalls.SendKeys },
                Options = [new(StateCalls.Local, null, "As local=on")],
                Example = "send-migration destination_url=tcp:host2:4444", Call = StateCalls.Send,
            },
            Get("ping", "vmm.ping", CommandGroup.Vmm, "Check that the VMM answers"),
            Get("plugins", "vmm.plugins", CommandGroup.Vmm, "Show the VMM's plugins") with
            {
                Call = static _ => new RemoteCall(ServerPlugins.Operation) { IsGet = true, WhenUnknown = Ours(ServerPlugins.Operation) },
            },
            new("load-plugin", CommandGroup.Vmm, "Load a plugin into the running VMM")
            {
                Argument = new("path", "Absolute path of the plugin's folder, as the VMM sees it") { IsPath = true },
                Example = "load-plugin /opt/plugins/virtio-example",
                Call = static input => new RemoteCall("vmm.load-plugin", Documents.Of("path", input.Text)) { WhenUnknown = Ours("vmm.load-plugin") },
            },
            PluginCommand("unload-plugin", "Unload a plugin that has no devices"),
            PluginCommand("reload-plugin", "Load what a plugin's folder has now in place of the plugin"),
            new("events", CommandGroup.Vmm, "Follow what happens, one JSON document a line, until the VMM or this program ends")
            {
                IsStream = true,
                Call = static _ => new RemoteCall("vmm.events") { IsGet = true, DBusMethod = null, WhenUnknown = Ours("vmm.events") },
            },
            new("shutdown-vmm", CommandGroup.Vmm, "End the VMM")
            {
                Call = static _ => new RemoteCall("vmm.shutdown"),
            },
            new(Completions, CommandGroup.Program, "Print a completion script")
            {
                Argument = new("shell", "bash, zsh or fish") { Choices = ["bash", "zsh", "fish"] }, Example = "completions bash",
            },
            new(Help, CommandGroup.Program, "Explain a command") { Argument = new("command", "The command") { IsOptional = true } },
            new(Man, CommandGroup.Program, "Print the man page") { IsHidden = true },
        ]);
        return commands;
    }

    /// <summary>A command for a kind of which only the name is known: the server may know it.</summary>
    public static RemoteCommand? Unknown(string? name, Func<string, string> whyUnknown) =>
        name is not null && name.StartsWith(AddPrefix, StringComparison.Ordinal) && name.Length > AddPrefix.Length
            ? Unknown(name[AddPrefix.Length..], "device of kind " + name[AddPrefix.Length..], whyUnknown) with { IsHidden = true } : null;

    private static void AddDeviceCommands(List<RemoteCommand> commands, IReadOnlyList<DeviceConfigSchema> kinds, Func<string, string> whyUnknown)
    {
        var adds = new List<RemoteCommand>();
        foreach (DeviceConfigSchema kind in kinds)
        {
            if (kind.Declaration.IsHotPluggable) adds.Add(Known(kind));
        }

        foreach ((string kind, string noun) in InterfaceKinds)
        {
            if (!adds.Exists(add => add.Name == AddPrefix + kind)) adds.Add(Unknown(kind, noun, whyUnknown));
        }

        adds.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        commands.AddRange(adds);
    }

    private static RemoteCommand Known(DeviceConfigSchema kind)
    {
        DeviceDeclaration declaration = kind.Declaration;
        return new RemoteCommand(AddPrefix + declaration.Kind, CommandGroup.Devices, $"Add a {declaration.Noun}")
        {
            Argument = new($"{declaration.Kind}-config", declaration.Help ?? declaration.Noun) { Keys = kind.Config.Keys },
            Example = declaration.Example is { } example ? $"{AddPrefix}{declaration.Kind} {example}" : null,
            Call = input => DeviceCall.Make(kind, input.Text),
        };
    }

    private static RemoteCommand Unknown(string kind, string noun, Func<string, string> whyUnknown) =>
        new(AddPrefix + kind, CommandGroup.Devices, $"Add a {noun}")
        {
            UnknownKind = kind,
            Argument = new($"{kind}-config", $"A JSON document, or the options as the VMM's own plugin declares them; no plugin here declares kind {kind}"),
            Call = input => DeviceCall.Make(kind, input.Text, whyUnknown(kind)),
        };

    private static RemoteCommand PluginCommand(string name, string summary) => new(name, CommandGroup.Vmm, summary)
    {
        Argument = new("id", "The plugin's name, or the path of its folder"), Example = $"{name} virtio-example",
        Call = input => new RemoteCall("vmm." + name, Documents.Of("id", input.Text)) { WhenUnknown = Ours("vmm." + name) },
    };

    private static string Ours(string operation) => $"This server has no {operation}: it is another VMM, or a version of Plugvisor without it";

    private static RemoteOption Size(string help) => new(ResizeCalls.Size, "size", help + ", in bytes or with K, M, G") { IsRequired = true };

    private static RemoteCommand Get(string name, string operation, CommandGroup group, string summary) =>
        new(name, group, summary) { Call = _ => new RemoteCall(operation) { IsGet = true } };

    private static RemoteCommand Put(string name, string summary) =>
        new(name, CommandGroup.Vm, summary) { Call = _ => new RemoteCall("vm." + name) };

    private static RemoteCommand Url(string name, string summary, string example) => new(name, CommandGroup.State, summary)
    {
        Argument = new("destination_url", "Where to: file:///path"),
        Example = $"{name} {example}",
        Call = input => new RemoteCall("vm." + name, Documents.Of("destination_url", input.Text)),
    };
}
