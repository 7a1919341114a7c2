using System.Collections.Concurrent;
using System.Text;
using Plugvisor.Api;
using Plugvisor.Control.Events;
using Plugvisor.Linux.Files;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>An API that writes down what it is asked and answers what the test says.</summary>
internal sealed class FakeApi : IVmmApi
{
    public FakeApi() => Catalog = new ApiCatalog(
    [
        Operation("vmm.ping", ApiVerb.Get), Operation("vm.info", ApiVerb.Get), Operation("vm.counters", ApiVerb.Get), Operation("vmm.shutdown"),
        Operation("vm.boot"), Operation("vm.create", body: ApiBody.Required), Operation("vm.add-disk", body: ApiBody.Required),
        Operation("vm.add-net", body: ApiBody.Required, descriptors: 253), Operation("vm.add-device", body: ApiBody.Required, descriptors: 1),
    ]);

    public event Action? CatalogChanged;

    public ApiCatalog Catalog { get; private set; }

    public EventHub Events { get; } = new(TimeProvider.System);

    /// <summary>What was asked, as <c>name body</c>.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>What answers; it owns the descriptors.</summary>
    public Func<ApiOperation, IReadOnlyList<FileDescriptor>, Task<ApiReply>> Answer { get; set; } = static (operation, _) =>
        Task.FromResult(operation.Verb == ApiVerb.Get ? ApiReply.With("""{"a":1}"""u8.ToArray()) : ApiReply.Done);

    public void Replace(params ApiOperation[] operations)
    {
        Catalog = new ApiCatalog(operations);
        CatalogChanged?.Invoke();
    }

    public async Task<ApiReply> InvokeAsync(
        ApiOperation operation, ReadOnlyMemory<byte> body, IReadOnlyList<FileDescriptor> descriptors, CancellationToken cancellation = default)
    {
        Asked.Enqueue($"{operation.Name} {Encoding.UTF8.GetString(body.Span)}".TrimEnd());
        try
        {
            return await Answer(operation, descriptors);
        }
        finally
        {
            foreach (FileDescriptor descriptor in descriptors) descriptor.Dispose();
        }
    }

    public ReadOnlyMemory<byte> DescribeOpenApi() => """{"openapi":"3.1.0"}"""u8.ToArray();

    public static ApiOperation Operation(string name, ApiVerb verb = ApiVerb.Put, ApiBody body = ApiBody.None, int descriptors = 0) => new()
    {
        Name = name, Verb = verb, Body = body, MaxDescriptors = descriptors, Summary = name, Failure = $"{name} failed",
    };
}
