using Plugvisor.Api.Requests;
using Plugvisor.Control;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Api;

/// <summary>
/// The table of operations (interface reference section 1.4 and 3): what every version has, one <c>add-KIND</c> for each plugin whose devices can be
/// added, and what the interface has and this version has not.
/// </summary>
internal static class ApiOperations
{
    private const string NotYet = "not there yet in this version of Plugvisor";

    private const string Migration = "Live migration is " + NotYet, Snapshots = "Snapshots are " + NotYet, Resizing = "Resizing is " + NotYet;

    /// <summary>The catalog for these device kinds.</summary>
    public static ApiCatalog For(IReadOnlyList<DeviceConfigSchema> kinds)
    {
        var operations = new List<ApiOperation>
        {
            Get("vmm.ping", "VmmPing", "Check that the VMM answers", "The VMM does not answer", "VmmPingResponse", VmOperations.Ping),
            new()
            {
                Name = "vmm.shutdown", DBusMethod = "VmmShutdown", Summary = "End the VMM", Failure = "The VMM could not shutdown",
                Reply = ApiReplyKind.Empty, Run = VmOperations.ShutdownVmm,
            },
            Get("vmm.plugins", "VmmPlugins", "List the plugins", "The list of plugins is not available", "PluginList", PluginOperations.List),
            Plugin("vmm.load-plugin", "VmmLoadPlugin", "Load a plugin", "The plugin could not be loaded", nameof(VmmPluginPath), "PluginInfo", PluginOperations.Load),
            Plugin("vmm.unload-plugin", "VmmUnloadPlugin", "Unload a plugin without devices", "The plugin could not be unloaded", nameof(VmmPluginId),
                "PluginRemoval", PluginOperations.Unload),
            Plugin("vmm.reload-plugin", "VmmReloadPlugin", "Load what a plugin's folder has now in place of the plugin", "The plugin could not be reloaded",
                nameof(VmmPluginId), "PluginInfo", PluginOperations.Reload),
            Get("vm.info", "VmInfo", "Show the VM", "The VM info is not available", "VmInfo", VmOperations.Info),
            Get("vm.counters", "VmCounters", "Show what the devices counted", "The VM counters are not available", "VmCounters", VmOperations.Counters),
            new()
            {
                Name = "vm.create", DBusMethod = "VmCreate", Summary = "Take the configuration of a VM", Failure = "The VM could not be created",
                Body = ApiBody.Required, RequestSchema = "VmConfig", Run = VmOperations.Create,
            },
            Put("vm.boot", "VmBoot", "Boot the VM", "The VM could not boot", VmmCommandKind.Boot, static vmm => vmm.Boot()),
            Put("vm.delete", "VmDelete", "Delete the VM", "The VM could not be deleted", VmmCommandKind.Delete, static vmm => vmm.Delete()),
            Put("vm.pause", "VmPause", "Pause the VM", "The VM could not be paused", VmmCommandKind.Pause, static vmm => vmm.Pause()),
            Put("vm.resume", "VmResume", "Resume the VM", "The VM could not resume", VmmCommandKind.Resume, static vmm => vmm.Resume()),
            Put("vm.shutdown", "VmShutdown", "Shut the VM down", "The VM could not shutdown", VmmCommandKind.Shutdown, static vmm => vmm.Shutdown()),
            Put("vm.reboot", "VmReboot", "Reboot the VM", "The VM could not reboot", VmmCommandKind.Reboot, static vmm => vmm.Reboot()),
            Put("vm.power-button", "VmPowerButton", "Press the power button", "Error triggering power button", VmmCommandKind.PowerButton,
                static vmm => vmm.PressPowerButton()),
            Put("vm.nmi", null, "Inject an NMI into every vCPU", "Error triggering NMI", VmmCommandKind.Nmi, static vmm => vmm.InjectNmi()),
            new()
            {
                Name = "vm.remove-device", DBusMethod = "VmRemoveDevice", Summary = "Remove a device",
                Failure = "The device could not be removed from the VM", Body = ApiBody.Required, RequestSchema = "VmRemoveDevice",
                Run = VmOperations.RemoveDevice,
            },
            new()
            {
                Name = "vm.resize", DBusMethod = "VmResize", Summary = "Resize the balloon (vCPUs and RAM: not yet)",
                Failure = "The VM could not be resized", Body = ApiBody.Required, RequestSchema = "VmResize", Run = VmOperations.Resize,
            },
            Missing("vm.resize-disk", null, "Resize a disk", "The disk could not be resized", Resizing, "VmResizeDisk"),
            Missing("vm.resize-zone", "VmResizeZone", "Resize a memory zone", "The memory zone could not be resized", Resizing, "VmResizeZone"),
            Missing("vm.snapshot", "VmSnapshot", "Save the VM's state", "The VM could not be snapshotted", Snapshots, "VmSnapshotConfig"),
            Missing("vm.restore", "VmRestore", "Make a VM of a saved state", "The VM could not be restored", Snapshots, "RestoreConfig", descriptors: 253),
            Missing("vm.coredump", "VmCoredump", "Write a core dump", "The VM could not be coredumped", "Core dumps are " + NotYet, "VmCoredumpData"),
            Missing("vm.receive-migration", "VmReceiveMigration", "Receive a VM", "Error receiving migration", Migration, "ReceiveMigrationData",
                descriptors: 253),
            Missing("vm.send-migration", "VmSendMigration", "Send the VM", "Error dispatching the migration worker", Migration, "SendMigrationData"),
        };
        foreach (DeviceConfigSchema kind in kinds)
        {
            if (kind.Declaration.IsHotPluggable) operations.Add(Add(kind));
        }

        foreach ((string kind, string noun, int descriptors) in InterfaceKinds)
        {
            if (Find(operations, "vm.add-" + kind)) continue;
            operations.Add(Missing("vm.add-" + kind, SchemaNames.MethodOf(kind), $"Add a {noun}", $"The {noun} could not be added to the VM",
                $"no plugin here has devices of kind {kind}; vmm.load-plugin loads one", null, descriptors, ApiReplyKind.DocumentOrNoContent));
        }

        return new ApiCatalog(operations);
    }

    /// <summary>The kinds that the interface names. One that has no plugin is answered with words in place of 404.</summary>
    private static IReadOnlyList<(string Kind, string Noun, int Descriptors)> InterfaceKinds { get; } =
    [
        ("device", "device", 1), ("disk", "disk", 0), ("fs", "fs", 0), ("generic-vhost-user", "generic vhost-user device", 0),
        ("net", "network device", 253), ("pmem", "pmem device", 0), ("user-device", "user device", 0), ("vdpa", "vDPA device", 0),
        ("vsock", "vsock device", 0),
    ];

    private static ApiOperation Add(DeviceConfigSchema kind)
    {
        DeviceDeclaration declaration = kind.Declaration;
        return new ApiOperation
        {
            Name = "vm.add-" + declaration.Kind,
            DBusMethod = SchemaNames.MethodOf(declaration.Kind),
            Summary = $"Add a {declaration.Noun}",
            Failure = $"The {declaration.Noun} could not be added to the VM",
            Body = ApiBody.Required,
            Reply = ApiReplyKind.DocumentOrNoContent,
            RequestSchema = SchemaNames.SchemaOf(declaration.Kind),
            ReplySchema = "PciDeviceInfo",
            Device = kind,
            MaxDescriptors = TakesDescriptors(declaration) ? 253 : 0,
            Run = VmOperations.AddDevice,
        };
    }

    private static bool TakesDescriptors(DeviceDeclaration declaration)
    {
        foreach (MemberDeclaration member in declaration.Config.Members)
        {
            if (member.IsDescriptor) return true;
        }

        return false;
    }

    private static bool Find(List<ApiOperation> operations, string name)
    {
        foreach (ApiOperation operation in operations)
        {
            if (operation.Name == name) return true;
        }

        return false;
    }

    private static ApiOperation Get(
        string name, string? method, string summary, string failure, string schema, Func<ApiCall, Task<ApiReply>> run) => new()
    {
        Name = name, Verb = ApiVerb.Get, DBusMethod = method, Summary = summary, Failure = failure, Reply = ApiReplyKind.Document,
        ReplySchema = schema, Run = run,
    };

    private static ApiOperation Plugin(
        string name, string method, string summary, string failure, string request, string reply, Func<ApiCall, Task<ApiReply>> run) => new()
    {
        Name = name, DBusMethod = method, Summary = summary, Failure = failure, Body = ApiBody.Required, RequestSchema = request,
        Reply = ApiReplyKind.Document, ReplySchema = reply, Run = run, TellsReason = true,
    };

    private static ApiOperation Put(
        string name, string? method, string summary, string failure, VmmCommandKind kind, Action<Vmm> action) => new()
    {
        Name = name, DBusMethod = method, Summary = summary, Failure = failure, Run = call => VmOperations.Do(call, kind, action),
    };

    private static ApiOperation Missing(
        string name, string? method, string summary, string failure, string words, string? schema, int descriptors = 0,
        ApiReplyKind reply = ApiReplyKind.NoContent) => new()
    {
        Name = name, DBusMethod = method, Summary = summary, Failure = failure, Body = ApiBody.Required, Reply = reply, RequestSchema = schema,
        MaxDescriptors = descriptors, Missing = words,
    };
}
