using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Consoles;

/// <summary>The debug console: <c>debug_console</c> in VmConfig, <c>--debug-console</c> on the command line.</summary>
[ConfigObject]
public sealed partial class DebugConsoleConfig
{
    /// <summary>What it is connected to.</summary>
    [ConfigMember("mode", ValuesAreKeys = true, Help = "What it is connected to")]
    public ConsoleMode Mode { get; init; } = ConsoleMode.Off;

    /// <summary>The file of mode File.</summary>
    [ConfigMember("file", NoCli = true, IsPath = true)]
    public string? File { get; init; }

    /// <summary>The listening socket of mode Socket.</summary>
    [ConfigMember("socket", NoCli = true, IsPath = true)]
    public string? Socket { get; init; }

    /// <summary>The port; 0xe9 when not given. On the command line in hexadecimal with <c>0x</c>.</summary>
    [ConfigMember("iobase", NoCli = true)]
    public ushort? Iobase { get; init; }
}
