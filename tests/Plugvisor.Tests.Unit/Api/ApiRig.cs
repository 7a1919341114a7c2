using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Plugvisor.Api;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Consoles;
using Xunit;

namespace Plugvisor.Tests.Unit.Api;

/// <summary>The API over a real control loop, which runs on a thread of its own.</summary>
internal sealed class ApiRig : IDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    private readonly HostTerminal _terminal = new();
    private readonly ControlLoop _loop = new(NullLoggerFactory.Instance);
    private readonly Vmm _vmm;
    private readonly Thread _thread;
    private int _exitCode = -1;

    public ApiRig(IHypervisor hypervisor, IDevicePlugins plugins)
    {
        _vmm = new Vmm(hypervisor, plugins, _terminal, _loop, Events, NullLoggerFactory.Instance, noShutdown: false);
        Api = new VmmApi(_loop, plugins, Events, NullLoggerFactory.Instance);
        _thread = new Thread(() => _exitCode = _loop.Run(_vmm));
        _thread.Start();
    }

    public EventHub Events { get; } = new(TimeProvider.System);

    public VmmApi Api { get; }

    public static JsonElement Json(ApiReply reply) => JsonElement.Parse(reply.Document.Span);

    /// <summary>Asks by the operation's name.</summary>
    public Task<ApiReply> Ask(string operation, string? body = null) => Ask(Api.Catalog.Find(operation)!, body);

    /// <summary>Asks for an operation that the catalog may have forgotten by now.</summary>
    public Task<ApiReply> Ask(ApiOperation operation, string? body = null) =>
        Api.InvokeAsync(operation, Encoding.UTF8.GetBytes(body ?? ""), [], TestContext.Current.CancellationToken)
            .WaitAsync(s_deadline, TestContext.Current.CancellationToken);

    /// <summary>Checks an answer against a schema of the OpenAPI document.</summary>
    public void Fits(ApiReply reply, string schema) => Assert.Empty(new JsonSchemaCheck(JsonElement.Parse(Api.DescribeOpenApi().Span)).Check(Json(reply), schema));

    /// <summary>Waits until the loop has ended by itself; the process's exit code.</summary>
    public int AwaitEnd()
    {
        Assert.True(_thread.Join(s_deadline), "the loop does not end");
        return _exitCode;
    }

    public void Dispose()
    {
        _loop.RequestShutdown();
        AwaitEnd();
        _vmm.Dispose();
        _terminal.Dispose();
    }
}
