using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Cli.CommandLine;

/// <summary>Makes the options of devices from their plugins' declarations.</summary>
internal static class DeviceOptions
{
    /// <summary>One option a kind.</summary>
    public static CommandLineOption From(DeviceConfigSchema kind, bool withKeys)
    {
        DeviceDeclaration declaration = kind.Declaration;
        bool flag = declaration.Cardinality == DeviceCardinality.Flag;
        return new CommandLineOption(
            "--" + declaration.Kind, OptionGroup.Devices,
            flag ? null : "key=value,...", declaration.Help ?? declaration.Noun)
        {
            IsRepeatable = declaration.Cardinality == DeviceCardinality.List,
            Default = declaration.DefaultDevice,
            Example = declaration.Example,
            Keys = withKeys && !flag ? Keys(kind.Config) : [],
        };
    }

    /// <summary>The keys of a declared object, for help and completions.</summary>
    public static List<OptionKeyHelp> Keys(ConfigSchema schema)
    {
        var keys = new List<OptionKeyHelp>();
        foreach (OptionKey key in schema.Keys)
        {
            if (!key.IsHidden) keys.Add(new OptionKeyHelp(key.Name, key.Value, key.Help ?? "", key.IsRequired ? null : key.Default));
        }

        return keys;
    }
}
