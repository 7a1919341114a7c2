using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Tests.Unit.Plugins;

/// <summary>The device kinds of the shipped plugins, from the manifests in their assemblies, in slot order.</summary>
internal static class ShippedKinds
{
    public static IReadOnlyList<DeviceConfigSchema> All { get; } = Read();

    private static List<DeviceConfigSchema> Read()
    {
        var kinds = new List<DeviceConfigSchema>();
        foreach (string path in Directory.EnumerateFiles(AppContext.BaseDirectory, "Plugvisor.Plugins.*.dll"))
        {
            if (ManifestReader.Read(path) is { } manifest) kinds.Add(new DeviceConfigSchema(DeviceDeclaration.Parse(manifest)));
        }

        kinds.Sort((a, b) => a.Declaration.Slot.CompareTo(b.Declaration.Slot));
        return kinds;
    }
}
