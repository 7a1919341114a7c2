using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Api.OpenApi;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Control.Plugins;
using Plugvisor.Linux.Files;

namespace Plugvisor.Api;

/// <summary>The API on top of the control loop. One a process.</summary>
public sealed class VmmApi : IVmmApi
{
    private const string Malformed = "Failed to deserialize JSON", Outermost = "Error from API";

    private readonly ILogger _log;
    private ApiCatalog _catalog;
    private bool _warned;

    /// <summary>An API for a loop, which may not run yet.</summary>
    public VmmApi(ControlLoop loop, IDevicePlugins plugins, EventHub events, ILoggerFactory logs)
    {
        Events = events;
        Loop = loop;
        Plugins = plugins;
        Proof = new UnloadProof(plugins, events, logs);
        _log = logs.CreateLogger<VmmApi>();
        plugins.Changed += OnPluginsChanged;   // before the first look: the loop may run already
        _catalog = ApiOperations.For(plugins.Kinds);
    }

    /// <inheritdoc/>
    public event Action? CatalogChanged;

    /// <inheritdoc/>
    public ApiCatalog Catalog => Volatile.Read(ref _catalog);

    /// <inheritdoc/>
    public EventHub Events { get; }

    /// <summary>Where commands go.</summary>
    internal ControlLoop Loop { get; }

    /// <summary>What devices there can be.</summary>
    internal IDevicePlugins Plugins { get; }

    /// <summary>Looks after the code of plugins that were unloaded.</summary>
    internal UnloadProof Proof { get; }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> DescribeOpenApi() => OpenApiDocument.Write(Catalog, Plugins.Kinds);

    /// <summary>
    /// Does what changes nothing: reads a document and asks for a ping. The first caller would otherwise wait some 10 ms more, until that is compiled. Any
    /// thread, any time; its result says nothing.
    /// </summary>
    public Task RehearseAsync()
    {
        _ = RequestDocument.Parse("""{"a":{"b":[1]},"c":"d"}"""u8);
        return InvokeAsync(Catalog.Find("vmm.ping")!, default, []);
    }

    /// <summary>Warns of what clients do for want of knowing better: the first time. A client that asks without end must not fill the disk.</summary>
    internal void WarnOnce(string text) => _log.Log(Interlocked.Exchange(ref _warned, true) ? LogLevel.Information : LogLevel.Warning, "{Text}", text);

    /// <summary>The plugins are others now: the control loop's thread.</summary>
    private void OnPluginsChanged()
    {
        Volatile.Write(ref _catalog, ApiOperations.For(Plugins.Kinds));
        CatalogChanged?.Invoke();
    }

    /// <inheritdoc/>
    [SuppressMessage("Design", "CA1031", Justification = "A failure is an answer: the front end sends it, the VMM goes on")]
    public async Task<ApiReply> InvokeAsync(
        ApiOperation operation, ReadOnlyMemory<byte> body, IReadOnlyList<FileDescriptor> descriptors, CancellationToken cancellation = default)
    {
        ApiCall? call = null;
        try
        {
            if (operation.Run is not { } run) return Fail(operation, new VmmException(VmmErrorKind.NotImplemented, operation.Missing ?? "not there"));
            JsonElement document = default;
            if (operation.Body == ApiBody.Required)
                document = RequestDocument.Parse(body.Span);
            call = new ApiCall(this, operation, document, descriptors, cancellation);
            return await run(call).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw;
        }
        catch (JsonException e)
        {
            return ApiReply.Failed(ApiStatus.BadRequest, e.Message, [Malformed, e.Message]);
        }
        catch (ConfigException e)
        {
            // What the control loop finds wrong with a configuration comes as a VmmException; this is its shape.
            return ApiReply.Failed(ApiStatus.BadRequest, e.Message, [Malformed, .. ErrorChain.Of(e)]);
        }
        catch (Exception e)
        {
            return Fail(operation, e);
        }
        finally
        {
            if (call is not { HasKeptDescriptors: true })
            {
                foreach (FileDescriptor descriptor in descriptors) descriptor.Dispose();
            }
        }
    }

    private ApiReply Fail(ApiOperation operation, Exception error)
    {
        List<string> chain = [Outermost, operation.Failure, .. ErrorChain.Of(error)];
        // The answer says it to whoever asked. A client that asks without end must not fill the disk.
        _log.LogInformation("{Operation}: {Error}", operation.Name, string.Join(": ", chain));
        return ApiReply.Failed(StatusOf(error), operation.Failure, chain);
    }

    private static ApiStatus StatusOf(Exception error) => (error as VmmException)?.Kind switch
    {
        VmmErrorKind.InvalidConfig => ApiStatus.BadRequest,
        VmmErrorKind.NotFound => ApiStatus.NotFound,
        VmmErrorKind.Conflict => ApiStatus.Conflict,
        VmmErrorKind.Busy => ApiStatus.TooManyRequests,
        VmmErrorKind.NotImplemented => ApiStatus.NotImplemented,
        _ => ApiStatus.InternalError,
    };
}
