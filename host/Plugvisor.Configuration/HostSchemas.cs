using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Platform;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Configuration;

/// <summary>
/// The host's own parts of VmConfig, declared and read by the same machinery as the devices of plugins. Each schema is parsed when it is first
/// used, because most starts of the VMM use few of them.
/// </summary>
public static class HostSchemas
{
    /// <summary><c>--cpus</c></summary>
    public static ConfigSchema Cpus { get => field ??= new("cpus", ObjectDeclaration.Parse(CpusConfig.SchemaJson)); }

    /// <summary><c>--memory</c></summary>
    public static ConfigSchema Memory { get => field ??= new("memory", ObjectDeclaration.Parse(MemoryConfig.SchemaJson)); }

    /// <summary><c>--platform</c></summary>
    public static ConfigSchema Platform { get => field ??= new("platform", ObjectDeclaration.Parse(PlatformConfig.SchemaJson)); }

    /// <summary><c>--serial</c></summary>
    public static ConfigSchema Serial { get => field ??= new("serial", ObjectDeclaration.Parse(SerialConfig.SchemaJson)); }

    /// <summary><c>--debug-console</c></summary>
    public static ConfigSchema DebugConsole { get => field ??= new("debug-console", ObjectDeclaration.Parse(DebugConsoleConfig.SchemaJson)); }

    /// <summary><c>--rate-limit-group</c></summary>
    public static ConfigSchema RateLimitGroup
    {
        get => field ??= new("rate-limit-group", ObjectDeclaration.Parse(RateLimitGroupConfig.SchemaJson));
    }
}
