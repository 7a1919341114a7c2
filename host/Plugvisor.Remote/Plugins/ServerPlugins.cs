using System.Text.Json;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;
using Plugvisor.Remote.Calls;
using Plugvisor.Remote.Transport;

namespace Plugvisor.Remote.Plugins;

/// <summary>The device kinds that the VMM's own plugins declare, for what no plugin here does.</summary>
internal static class ServerPlugins
{
    /// <summary>The operation that lists them.</summary>
    public const string Operation = "vmm.plugins";

    /// <summary>The kinds, or null when the server does not tell.</summary>
    public static List<DeviceConfigSchema>? All(IRemoteTransport transport)
    {
        try
        {
            var kinds = new List<DeviceConfigSchema>();
            using JsonDocument list = JsonDocument.Parse(transport.Send(new RemoteCall(Operation) { IsGet = true }));
            foreach (JsonElement plugin in list.RootElement.EnumerateArray())
            {
                if (plugin.GetProperty("status"u8).ValueEquals("ready"u8) && KindOf(plugin.GetProperty("manifest"u8)) is { } kind) kinds.Add(kind);
            }

            return kinds;
        }
        catch (Exception e) when (e is RemoteException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            // Another VMM.
            return null;
        }
    }

    private static DeviceConfigSchema? KindOf(JsonElement manifest)
    {
        try
        {
            return new DeviceConfigSchema(DeviceDeclaration.Parse(System.Text.Encoding.UTF8.GetBytes(manifest.GetRawText())));
        }
        catch (FormatException)
        {
            // A declaration of a later version: as if there were none.
            return null;
        }
    }
}
