using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;
using Plugvisor.Remote.CommandLine;

namespace Plugvisor.Remote.Calls;

/// <summary>Makes the calls that take a VM from somewhere else or send it there; their descriptors go along (interface reference section 1.5).</summary>
internal static class StateCalls
{
    public const string Local = "--local";

    private const string Nets = "net_fds", Vfio = "vfio_fds", Iommu = "iommufd_fd", Zones = "zone_updates";

    /// <summary>Keys of <c>restore</c>.</summary>
    public static IReadOnlyList<OptionKey> RestoreKeys { get; } =
    [
        Key("source_url", "<url>", "Where the snapshot is: file:///directory", isRequired: true),
        Key("prefault", "on|off", "Read all memory before the VM goes on"),
        Key("memory_restore_mode", "copy|ondemand", "Copy memory at once, or as it is touched"),
        Key(Nets, "<[id@[fd,...],...]>", "Descriptors for network devices that were made from descriptors"),
        Key(Vfio, "<[id@fd,...]>", "Descriptors for VFIO devices"),
        Key(Iommu, "<fd>", "Descriptor of /dev/iommu, needed with vfio_fds"),
        Key("resume", "on|off", "Run at once; otherwise the VM is paused"),
        Key(Zones, "<[id@node,...]>", "Host NUMA nodes for memory zones"),
    ];

    /// <summary>Keys of <c>receive-migration</c>.</summary>
    public static IReadOnlyList<OptionKey> ReceiveKeys { get; } =
    [
        Key("receiver_url", "<url>", "Where to listen: unix:path or tcp:host:port", isRequired: true),
        Key("tls_dir", "<path>", "Directory with key and certificates"),
        Key("memory_mode", "precopy|postcopy", "When memory comes"),
        Key(Vfio, "<[id@fd,...]>", "Descriptors for VFIO devices"),
        Key(Iommu, "<fd>", "Descriptor of /dev/iommu, needed with vfio_fds"),
        Key(Zones, "<[id@node,...]>", "Host NUMA nodes for memory zones"),
    ];

    /// <summary>Keys of <c>send-migration</c>.</summary>
    public static IReadOnlyList<OptionKey> SendKeys { get; } =
    [
        Key("destination_url", "<url>", "Where to: unix:path or tcp:host:port", isRequired: true),
        Key("local", "on|off", "To another VMM on this host, which takes the memory over as it is"),
        Key("preserve_source", "on|off", "Keep the VM here afterwards; with local"),
        Key("downtime_ms", "<number>", "Longest time without a running VM"),
        Key("timeout_s", "<number>", "Longest time in all"),
        Key("timeout_strategy", "cancel|ignore", "What happens when the time is over"),
        Key("connections", "<number>", "How many connections carry memory"),
        Key("tls_dir", "<path>", "Directory with key and certificates"),
        Key("memory_mode", "precopy|postcopy", "When memory goes"),
    ];

    /// <summary><c>restore</c>.</summary>
    public static RemoteCall Restore(CommandInput input) => Make("vm.restore", "Error parsing restore syntax", RestoreKeys, input.Text, (values, json, descriptors) =>
    {
        Documents.Text(json, "source_url", Required(values, "source_url"));
        Documents.Toggle(json, "prefault", values.Toggle("prefault"));
        Choice(json, values, "memory_restore_mode", ("copy", "Copy"), ("ondemand", "OnDemand"));
        if (values.Tuples(Nets) is { } nets)
        {
            json.Name(Nets);
            json.StartArray();
            foreach ((string id, string list) in nets)
            {
                List<ulong> fds = OptionSyntax.ReadIntegers(list, int.MaxValue) ?? throw OptionValues.Unreadable(Nets, list);
                json.StartObject();
                Documents.Text(json, "id", OptionSyntax.Dequote(id));
                Documents.Number(json, "num_fds", (ulong)fds.Count);
                json.EndObject();
                foreach (ulong fd in fds) descriptors.Add((int)fd);
            }

            json.EndArray();
        }

        WriteVfio(json, values, descriptors);
        Documents.Toggle(json, "resume", values.Toggle("resume"));
        WriteZones(json, values);
    });

    /// <summary><c>receive-migration</c>; a bare URL is its older form.</summary>
    public static RemoteCall Receive(CommandInput input)
    {
        string text = IsBareUrl(input.Text, ReceiveKeys) ? "receiver_url=" + input.Text : input.Text;
        return Make("vm.receive-migration", "Error parsing receive-migration syntax", ReceiveKeys, text, (values, json, descriptors) =>
        {
            Documents.Text(json, "receiver_url", Required(values, "receiver_url"));
            Documents.Text(json, "tls_dir", values.Text("tls_dir"));
            Choice(json, values, "memory_mode", ("precopy", "Precopy"), ("postcopy", "Postcopy"));
            WriteVfio(json, values, descriptors);
            WriteZones(json, values);
        });
    }

    /// <summary><c>send-migration</c>; a bare URL, perhaps with <c>--local</c>, is its older form.</summary>
    public static RemoteCall Send(CommandInput input)
    {
        string text = IsBareUrl(input.Text, SendKeys) ? "destination_url=" + input.Text : input.Text;
        bool local = input.Option(Local) is not null;
        return Make("vm.send-migration", "Error parsing send-migration syntax", SendKeys, text, (values, json, _) =>
        {
            Documents.Text(json, "destination_url", Required(values, "destination_url"));
            Documents.Toggle(json, "local", values.Toggle("local") ?? (local ? true : null));
            Documents.Toggle(json, "preserve_source", values.Toggle("preserve_source"));
            Documents.Number(json, "downtime_ms", values.Integer("downtime_ms"));
            Documents.Number(json, "timeout_s", values.Integer("timeout_s"));
            Choice(json, values, "timeout_strategy", ("cancel", "Cancel"), ("ignore", "Ignore"));
            Documents.Number(json, "connections", values.Integer("connections", uint.MaxValue));
            Documents.Text(json, "tls_dir", values.Text("tls_dir"));
            Choice(json, values, "memory_mode", ("precopy", "Precopy"), ("postcopy", "Postcopy"));
        });
    }

    private static OptionKey Key(string name, string value, string help, bool isRequired = false) =>
        new() { Name = name, Value = value, Help = help, IsRequired = isRequired, Choices = value.Contains('|', StringComparison.Ordinal) ? value.Split('|') : [] };

    private static RemoteCall Make(
        string operation, string error, IReadOnlyList<OptionKey> keys, string text, Action<OptionValues, JsonBuffer, List<int>> write)
    {
        try
        {
            var grammar = new OptionGrammar();
            foreach (OptionKey key in keys) grammar.Keys(key.Name);
            var json = new JsonBuffer();
            var descriptors = new List<int>();
            json.StartObject();
            write(grammar.Parse(text), json, descriptors);
            json.EndObject();
            return new RemoteCall(operation, json.Written.ToArray()) { Descriptors = descriptors };
        }
        catch (OptionException e)
        {
            throw new RemoteException(error, e);
        }
    }

    /// <summary>Whether there is a URL and no key: <c>unix:/a/b=c</c> has a sign but no key in front of it.</summary>
    private static bool IsBareUrl(string text, IReadOnlyList<OptionKey> keys)
    {
        foreach (OptionKey key in keys)
        {
            if (text.AsSpan().TrimStart().StartsWith(key.Name + "=")) return false;
        }

        return text.Contains(':', StringComparison.Ordinal);
    }

    private static string Required(OptionValues values, string key) => values.Text(key) ?? throw new OptionException($"{key} missing");

    private static void Choice(JsonBuffer json, OptionValues values, string key, params ReadOnlySpan<(string Typed, string Sent)> choices)
    {
        if (values.Text(key) is not { } text) return;
        foreach ((string typed, string sent) in choices)
        {
            if (!text.Equals(typed, StringComparison.OrdinalIgnoreCase)) continue;
            Documents.Text(json, key, sent);
            return;
        }

        throw OptionValues.Unreadable(key, text);
    }

    private static void WriteVfio(JsonBuffer json, OptionValues values, List<int> descriptors)
    {
        if (values.Tuples(Vfio) is not { } devices) return;
        json.Name(Vfio);
        json.StartArray();
        foreach ((string id, string text) in devices)
        {
            if (!OptionSyntax.TryReadInteger(text, int.MaxValue, out ulong fd)) throw OptionValues.Unreadable(Vfio, text);
            json.StartObject();
            Documents.Text(json, "id", OptionSyntax.Dequote(id));
            json.EndObject();
            descriptors.Add((int)fd);
        }

        json.EndArray();
        if (devices.Count == 0) return;
        descriptors.Add((int)(values.Integer(Iommu, int.MaxValue) ?? throw new OptionException($"{Vfio} needs {Iommu}, the descriptor of /dev/iommu")));
    }

    private static void WriteZones(JsonBuffer json, OptionValues values)
    {
        if (values.Tuples(Zones) is not { } zones) return;
        json.Name(Zones);
        json.StartArray();
        foreach ((string id, string text) in zones)
        {
            if (!OptionSyntax.TryReadInteger(text, uint.MaxValue, out ulong node)) throw OptionValues.Unreadable(Zones, text);
            json.StartObject();
            Documents.Text(json, "id", OptionSyntax.Dequote(id));
            Documents.Number(json, "host_numa_node", node);
            json.EndObject();
        }

        json.EndArray();
    }
}
