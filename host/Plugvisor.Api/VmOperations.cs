using Plugvisor.Api.Requests;
using Plugvisor.Configuration;
using Plugvisor.Control;

namespace Plugvisor.Api;

/// <summary>What the operations do: read the document, submit a command, write the result.</summary>
internal static class VmOperations
{
    /// <summary>A command without document and result.</summary>
    public static async Task<ApiReply> Do(ApiCall call, VmmCommandKind kind, Action<Vmm> action)
    {
        await call.Api.Loop.SubmitAsync<object?>(kind, vmm =>
        {
            action(vmm);
            return null;
        }, call.Cancellation).ConfigureAwait(false);
        return ApiReply.Done;
    }

    public static async Task<ApiReply> Ping(ApiCall call)
    {
        await Do(call, VmmCommandKind.Ping, static _ => { }).ConfigureAwait(false);
        return ApiReply.With(VmDocuments.Ping());
    }

    public static async Task<ApiReply> ShutdownVmm(ApiCall call)
    {
        await Do(call, VmmCommandKind.ShutdownVmm, static vmm => vmm.Delete()).ConfigureAwait(false);
        return ApiReply.Empty;
    }

    public static async Task<ApiReply> Info(ApiCall call)
    {
        VmInfo info = await call.Api.Loop.SubmitAsync(VmmCommandKind.Info, static vmm => vmm.Describe(), call.Cancellation).ConfigureAwait(false);
        return ApiReply.With(VmDocuments.Info(info));
    }

    public static async Task<ApiReply> Counters(ApiCall call) => ApiReply.With(VmDocuments.Counters(
        await call.Api.Loop.SubmitAsync(VmmCommandKind.Counters, static vmm => vmm.ReadCounters(), call.Cancellation).ConfigureAwait(false)));

    public static Task<ApiReply> Create(ApiCall call)
    {
        VmConfig config = VmConfigDocument.Read(call.Document, call.Api.Plugins.Kinds);
        return Do(call, VmmCommandKind.Create, vmm => vmm.Create(config));
    }

    public static async Task<ApiReply> AddDevice(ApiCall call)
    {
        var kind = call.Operation.Device!;
        var device = new DeviceSpec(kind, kind.NormalizeReceived(call.Document)) { Descriptors = call.Descriptors };
        PciDeviceInfo? info = await call.Api.Loop
            .SubmitAsync(VmmCommandKind.AddDevice, vmm => vmm.AddDevice(device), call.Cancellation).ConfigureAwait(false);
        call.KeepDescriptors();
        return info is null ? ApiReply.Done : ApiReply.With(VmDocuments.Device(info));
    }

    public static Task<ApiReply> RemoveDevice(ApiCall call)
    {
        string id = VmRemoveDevice.From(call.Document).Id;
        return Do(call, VmmCommandKind.RemoveDevice, vmm => vmm.RemoveDevice(id));
    }

    public static Task<ApiReply> Resize(ApiCall call)
    {
        VmResize wanted = VmResize.From(call.Document);
        return Do(call, VmmCommandKind.Resize, vmm => vmm.Resize(wanted.DesiredVcpus, wanted.DesiredRam, wanted.DesiredBalloon));
    }
}
