namespace Plugvisor.Generators;

/// <summary>Full names of the attributes, and the rules for names.</summary>
internal static class Names
{
    private const string Namespace = "Plugvisor.Abstractions.Configuration.";
    public const string DevicePlugin = Namespace + "DevicePluginAttribute";
    public const string DeviceConfig = Namespace + "DeviceConfigAttribute";
    public const string ConfigMember = Namespace + "ConfigMemberAttribute";
    public const string ConfigObject = Namespace + "ConfigObjectAttribute";
    public const string ConfigValue = Namespace + "ConfigValueAttribute";
    public const string ConfigRule = Namespace + "ConfigRuleAttribute";
    public const string ConfigSchema = Namespace + "ConfigSchemaAttribute";
    public const string ContractVersion = Namespace + "ContractVersion";
    public const string Plugin = "Plugvisor.Abstractions.Devices.IDevicePlugin";

    /// <summary>The members that the host adds to every device.</summary>
    public static readonly string[] Common = ["id", "iommu", "pci_segment", "pci_device_id"];

    /// <summary>The facts of the VM that a rule can name.</summary>
    public const string SharedMemory = "@shared_memory";

    /// <summary>Lower-case words of letters and digits, joined by <paramref name="joint"/>.</summary>
    public static bool IsWords(string name, char joint)
    {
        var start = true;
        foreach (var c in name)
        {
            if (c is >= 'a' and <= 'z' || (c is >= '0' and <= '9' && !start)) start = false;
            else if (c == joint && !start) start = true;
            else return false;
        }

        return !start;
    }

    /// <summary>Whether a key can stand on the command line: nothing in it that the grammar gives a meaning.</summary>
    public static bool IsKey(string key)
    {
        foreach (var c in key)
        {
            if (!(c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_' or '-')) return false;
        }

        return key.Length > 0;
    }
}
