using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Consoles;

/// <summary>The serial port: <c>serial</c> in VmConfig, <c>--serial</c> on the command line.</summary>
[ConfigObject]
public sealed partial class SerialConfig
{
    /// <summary>What it is connected to.</summary>
    [ConfigMember("mode", ValuesAreKeys = true, Help = "What it is connected to")]
    public ConsoleMode Mode { get; init; } = ConsoleMode.Null;

    /// <summary>The file of mode File.</summary>
    [ConfigMember("file", NoCli = true, IsPath = true)]
    public string? File { get; init; }

    /// <summary>The listening socket of mode Socket.</summary>
    [ConfigMember("socket", NoCli = true, IsPath = true)]
    public string? Socket { get; init; }
}
