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

    /// <summary>The kind, or null when the server has no such plugin or does not tell.</summary>
    public static DeviceConfigSchema? Find(IRemoteTransport transport, string kind)
    {
        try
        {
            using JsonDocument list = JsonDocument.Parse(transport.Send(new RemoteCall(Operation) { IsGet = true }));
            foreach (JsonElement plugin in list.RootElement.EnumerateArray())
            {
                if (plugin.GetProperty("status"u8).ValueEquals("ready"u8) && plugin.GetProperty("kind"u8).ValueEquals(kind))
                    return new DeviceConfigSchema(DeviceDeclaration.Parse(System.Text.Encoding.UTF8.GetBytes(plugin.GetProperty("manifest"u8).GetRawText())));
            }

            return null;
        }
        catch (Exception e) when (e is RemoteException or JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
        {
            // Another VMM, or a declaration of a later version: as if there were none.
            return null;
        }
    }
}
