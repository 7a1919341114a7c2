using System.Collections.Concurrent;
using System.Text;
using Plugvisor.Api;
using Plugvisor.Control.Events;
using Plugvisor.Linux.Files;
using Xunit;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>A VMM that only answers: what it is asked it keeps, what it answers a test decides.</summary>
internal sealed class FakeVmmApi : IVmmApi
{
    public static readonly ApiOperation
        Ping = Of("vmm.ping", "VmmPing", ApiBody.None, ApiReplyKind.Document),
        Info = Of("vm.info", "VmInfo", ApiBody.None, ApiReplyKind.Document),
        Create = Of("vm.create", "VmCreate", ApiBody.Required, ApiReplyKind.NoContent),
        Boot = Of("vm.boot", "VmBoot", ApiBody.None, ApiReplyKind.NoContent),
        Shutdown = Of("vmm.shutdown", "VmmShutdown", ApiBody.None, ApiReplyKind.Empty),
        AddDisk = Of("vm.add-disk", "VmAddDisk", ApiBody.Required, ApiReplyKind.DocumentOrNoContent),
        AddFoo = Of("vm.add-foo", "VmAddFoo", ApiBody.Required, ApiReplyKind.DocumentOrNoContent),
        Nmi = Of("vm.nmi", null, ApiBody.None, ApiReplyKind.NoContent);

    public ConcurrentQueue<(string Name, string Body)> Asked { get; } = new();

    public Func<ApiOperation, string, Task<ApiReply>> Answer { get; set; } = (_, _) => Task.FromResult(ApiReply.Done);

    public ApiCatalog Catalog { get; private set; } = new([Ping, Info, Create, Boot, Shutdown, AddDisk, Nmi]);

    public event Action? CatalogChanged;

    public EventHub Events { get; } = new(TimeProvider.System);

    public ReadOnlyMemory<byte> DescribeOpenApi() => default;

    public static ApiOperation Of(string name, string? method, ApiBody body, ApiReplyKind reply) =>
        new() { Name = name, DBusMethod = method, Body = body, Reply = reply, Summary = $"What <{name}> \"does\"", Failure = $"{name} failed" };

    public static ApiReply Json(string document) => ApiReply.With(Encoding.UTF8.GetBytes(document));

    public void Change(params ApiOperation[] operations)
    {
        Catalog = new ApiCatalog(operations);
        CatalogChanged?.Invoke();
    }

    public Task<ApiReply> InvokeAsync(
        ApiOperation operation, ReadOnlyMemory<byte> body, IReadOnlyList<FileDescriptor> descriptors, CancellationToken cancellation = default)
    {
        Assert.Empty(descriptors);
        string text = Encoding.UTF8.GetString(body.Span);
        Asked.Enqueue((operation.Name, text));
        return Answer(operation, text);
    }
}
