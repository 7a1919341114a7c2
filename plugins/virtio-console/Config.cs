using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>The console, as it stands in VmConfig's <c>console</c> and on <c>--console</c>.</summary>
[DeviceConfig("console", Cardinality = DeviceCardinality.Single, FixedId = "__console", Slot = 100, DefaultDevice = "tty",
    AbsentWhen = "mode=Off", Noun = "console device", Help = "The guest's hvc0", Example = "pty")]
[ConfigRule("Path missing when using file console mode", If = "mode=File", Needs = "file")]
[ConfigRule(SocketUnsupported, If = "mode=Socket", Excludes = "mode")]
internal sealed partial class Config
{
    /// <summary>The error text for mode Socket.</summary>
    public const string SocketUnsupported = "The virtio console has no socket mode: use --serial socket=PATH, or --console pty";

    /// <summary>What it is connected to.</summary>
    [ConfigMember("mode", ValuesAreKeys = true, Help = "What it is connected to")]
    public required ConsoleMode Mode { get; init; }

    /// <summary>The file of mode File; in vm.info, the path of a pty.</summary>
    [ConfigMember("file", NoCli = true, IsPath = true)]
    public string? File { get; init; }

    /// <summary>The socket of mode Socket.</summary>
    [ConfigMember("socket", NoCli = true, IsPath = true)]
    public string? Socket { get; init; }
}
