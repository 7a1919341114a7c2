using Plugvisor.Api.Requests;
using Plugvisor.Configuration;
using Plugvisor.Control;

namespace Plugvisor.Api;

/// <summary>What the operations do: read the document, submit a command, write the result.</summary>
internal static class VmOperations
{
    /// <summary>A command without document and result.</summary>
    public static Task<ApiReply> Do(ApiCall call, VmmCommandKind kind, Action<Vmm> action) => Ask(call, kind, vmm =>
    {
        action(vmm);
        return ApiReply.Done;
    }, static done => done);

    public static Task<ApiReply> Ping(ApiCall call) => Ask(call, VmmCommandKind.Ping, static _ => ApiReply.Done, static _ => ApiReply.With(VmDocuments.Ping()));

    public static Task<ApiReply> ShutdownVmm(ApiCall call) => Ask(call, VmmCommandKind.ShutdownVmm, static vmm =>
    {
        vmm.Delete();
        return ApiReply.Empty;
    }, static done => done);

    public static Task<ApiReply> Info(ApiCall call) =>
        Ask(call, VmmCommandKind.Info, static vmm => vmm.Describe(), static info => ApiReply.With(VmDocuments.Info(info)));

    public static Task<ApiReply> Counters(ApiCall call) =>
        Ask(call, VmmCommandKind.Counters, static vmm => vmm.ReadCounters(), static counters => ApiReply.With(VmDocuments.Counters(counters)));

    public static Task<ApiReply> Create(ApiCall call)
    {
        VmConfig config = VmConfigDocument.Read(call.Document, call.Api.Plugins.Kinds, call.WarnOfNumbers);
        return Do(call, VmmCommandKind.Create, vmm => vmm.Create(config));
    }

    public static Task<ApiReply> AddDevice(ApiCall call)
    {
        var kind = call.Operation.Device!;
        var device = new DeviceSpec(kind, kind.NormalizeReceived(call.Document, call.WarnOfNumbers)) { Descriptors = call.Descriptors };
        return Ask(call, VmmCommandKind.AddDevice, vmm => vmm.AddDevice(device), info =>
        {
            call.KeepDescriptors();
            return info is null ? ApiReply.Done : ApiReply.With(VmDocuments.Device(info));
        });
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

    // The only asynchronous method here: each has to be compiled at run time for itself, and the first ping brings this one along for all.
    private static async Task<ApiReply> Ask<T>(ApiCall call, VmmCommandKind kind, Func<Vmm, T> action, Func<T, ApiReply> answer)
        where T : class? => answer(await call.Api.Loop.SubmitAsync(kind, action, call.Cancellation).ConfigureAwait(false));
}
