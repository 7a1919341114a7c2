using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Text;
using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Control;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Cli.Plugins;

/// <summary>The plugins that this process found: what they declare, and their code once it is asked for.</summary>
internal sealed class PluginSet : IDevicePlugins
{
    private readonly List<(string Path, DeviceConfigSchema Schema)> _plugins = [];

    public IReadOnlyList<DeviceConfigSchema> Kinds => _plugins.ConvertAll(p => p.Schema);

    public static PluginSet Open(IReadOnlyList<string> directories)
    {
        var set = new PluginSet();
        foreach (string directory in directories)
        {
            if (!Directory.Exists(directory)) continue;
            foreach (string dll in Directory.EnumerateFiles(directory, "Plugvisor.Plugins.*.dll", SearchOption.AllDirectories))
            {
                using var pe = new PEReader(File.OpenRead(dll));
                MetadataReader m = pe.GetMetadataReader();
                foreach (CustomAttributeHandle h in m.GetAssemblyDefinition().GetCustomAttributes())
                {
                    CustomAttribute a = m.GetCustomAttribute(h);
                    if (a.Constructor.Kind != HandleKind.MemberReference) continue;
                    EntityHandle parent = m.GetMemberReference((MemberReferenceHandle)a.Constructor).Parent;
                    if (m.GetString(m.GetTypeReference((TypeReferenceHandle)parent).Name) != "PluginManifestAttribute") continue;
                    BlobReader blob = m.GetBlobReader(a.Value);
                    blob.ReadUInt16();
                    string json = blob.ReadSerializedString()!;
                    set._plugins.Add((dll, new DeviceConfigSchema(DeviceDeclaration.Parse(Encoding.UTF8.GetBytes(json)))));
                }
            }
        }

        return set;
    }

    public void ReportTo(ILoggerFactory logs) => _logs = logs;

    private ILoggerFactory? _logs;

    public IDevicePlugin Load(string kind)
    {
        foreach ((string path, DeviceConfigSchema schema) in _plugins)
        {
            if (schema.Declaration.Kind != kind) continue;
            Assembly assembly = new AssemblyLoadContext(kind).LoadFromAssemblyPath(Path.GetFullPath(path));
            return (IDevicePlugin)Activator.CreateInstance(assembly.GetType(schema.Declaration.Entry)!)!;
        }

        throw new VmmException($"no plugin for {kind}");
    }
}
