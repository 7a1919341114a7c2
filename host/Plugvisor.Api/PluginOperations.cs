using Plugvisor.Api.Requests;
using Plugvisor.Control;
using Plugvisor.Control.Plugins;
using Plugvisor.Plugins.Catalog;

namespace Plugvisor.Api;

/// <summary>What the operations on plugins do.</summary>
internal static class PluginOperations
{
    public static Task<ApiReply> List(ApiCall call) => Task.FromResult(ApiReply.With(PluginDocuments.List(call.Api.Plugins.Entries)));

    public static async Task<ApiReply> Load(ApiCall call)
    {
        string path = VmmPluginPath.From(call.Document).Path;
        PluginEntry entry = await call.Api.Loop
            .SubmitAsync(VmmCommandKind.ChangePlugins, vmm => vmm.LoadPlugin(path), call.Cancellation).ConfigureAwait(false);
        return ApiReply.With(PluginDocuments.One(entry));
    }

    public static async Task<ApiReply> Unload(ApiCall call)
    {
        string id = VmmPluginId.From(call.Document).Id;
        PluginChange change = await call.Api.Loop
            .SubmitAsync(VmmCommandKind.ChangePlugins, vmm => vmm.UnloadPlugin(id), call.Cancellation).ConfigureAwait(false);
        string? leak = await call.Api.Proof.RunAsync(change).ConfigureAwait(false);
        return ApiReply.With(PluginDocuments.Unloaded(change.Entry.Name, leak));
    }

    public static async Task<ApiReply> Reload(ApiCall call)
    {
        string id = VmmPluginId.From(call.Document).Id;
        PluginChange change = await call.Api.Loop
            .SubmitAsync(VmmCommandKind.ChangePlugins, vmm => vmm.ReloadPlugin(id), call.Cancellation).ConfigureAwait(false);
        _ = await call.Api.Proof.RunAsync(change).ConfigureAwait(false);
        return ApiReply.With(PluginDocuments.One(change.Entry));
    }
}
