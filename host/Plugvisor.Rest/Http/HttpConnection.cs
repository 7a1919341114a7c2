using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Linux.Files;
using Plugvisor.Rest.Events;
using Plugvisor.Rest.Routing;
using Plugvisor.Rest.Transport;

namespace Plugvisor.Rest.Http;

/// <summary>
/// One client of the API: reads requests, one after another, and answers each. The connection stays open whatever is asked.
/// </summary>
internal sealed class HttpConnection
{
    private const string BadRequest = "Bad Request", NotFound = "Not Found", ServerError = "Internal Server Error";

    private readonly ConnectionContext _connection;
    private readonly RestServices _services;
    private readonly RequestReader _requests;
    private readonly Deadline _deadline;
    private readonly IReceivedDescriptors _descriptors;
    private readonly PipeWriter _output;
    private readonly Action _onEnded;

    /// <summary>A client that was let in.</summary>
    /// <param name="connection">Where it is.</param>
    /// <param name="services">What all clients share.</param>
    /// <param name="onEnded">Called when it is served no more.</param>
    public HttpConnection(ConnectionContext connection, RestServices services, Action onEnded)
    {
        _onEnded = onEnded;
        _connection = connection;
        _services = services;
        _output = connection.Transport.Output;
        _descriptors = connection.Features.Get<IReceivedDescriptors>()!;
        _deadline = new Deadline(services.Clock);
        _requests = new RequestReader(connection.Transport.Input, services.Limits, _deadline);
    }

    // Few of these methods are asynchronous themselves: each that is has to be compiled at run time, on the way to the first answer.

    /// <summary>Serves the client until it goes, or the server stops and the request in hand is answered.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "A defect in one connection ends that connection only")]
    public async Task RunAsync()
    {
        _connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static deadline => ((Deadline)deadline).Tick(), _deadline);
        CancellationToken stop = _connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
        using CancellationTokenRegistration stopping = stop.UnsafeRegister(static requests => ((RequestReader)requests!).Stop(), _requests);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop, _connection.ConnectionClosed);
        try
        {
            bool goesOn;
            do
            {
                await _requests.ReadHeadAsync().ConfigureAwait(false);
                if (_requests is { Status: ReadStatus.Complete, Head.ContentLength: > 0 })
                {
                    if (_requests.Head.ExpectsContinue)
                    {
                        _output.Write(ResponseWriter.Continue);
                        await FlushAsync().ConfigureAwait(false);
                    }

                    await _requests.ReadBodyAsync().ConfigureAwait(false);
                }

                goesOn = await AnswerAsync(ended.Token).ConfigureAwait(false);
                goesOn &= await FlushAsync().ConfigureAwait(false);
            }
            while (goesOn);
        }
        catch (Exception e)
        {
            _services.Log.LogError(e, "an API connection failed");
        }
        finally
        {
            _onEnded();
        }
    }

    /// <summary>Writes the answer to what was read.</summary>
    /// <returns>Whether the connection goes on.</returns>
    private ValueTask<bool> AnswerAsync(CancellationToken ended)
    {
        IReadOnlyList<FileDescriptor> descriptors = _descriptors.Take(_requests.Position);
        if (_requests.Status == ReadStatus.Complete) return AnswerAsync(_requests.Head, descriptors, ended);

        Close(descriptors);
        if (_requests.Status == ReadStatus.Malformed) ResponseWriter.WriteParseError(_output, _requests.Error);
        if (_requests.Status == ReadStatus.TooSlow) ResponseWriter.WriteParseError(_output, "The request did not arrive in time.");
        return ValueTask.FromResult(_requests.Status == ReadStatus.Malformed);
    }

    private ValueTask<bool> AnswerAsync(RequestHead head, IReadOnlyList<FileDescriptor> descriptors, CancellationToken ended)
    {
        Route? route = _services.Router.Find(head.Path);
        if (route is null) return Refuse(descriptors, (int)ApiStatus.NotFound, NotFound);
        if (head.Verb != route.Verb)
        {
            bool isSilent = head.Verb is HttpVerb.Patch or HttpVerb.Delete && !route.AnswersOtherMethods;
            return Refuse(descriptors, (int)ApiStatus.BadRequest, isSilent ? null : BadRequest);
        }

        if (route.Operation is not null) return OperateAsync(route, descriptors);
        Close(descriptors);
        if (route.Kind == RouteKind.Events)
            return new ValueTask<bool>(EventStream.SendAsync(_services.Api.Events, _output, _services.Limits.MaxUnreadEvents, !head.IsHttp10, ended));
        ResponseWriter.Write(_output, (int)ApiStatus.Ok, _services.Api.DescribeOpenApi().Span);
        return ValueTask.FromResult(true);
    }

    private ValueTask<bool> OperateAsync(Route route, IReadOnlyList<FileDescriptor> descriptors)
    {
        ApiOperation operation = route.Operation!;
        // What comes with a GET is ignored.
        ReadOnlyMemory<byte> body = operation.Verb == ApiVerb.Get ? default : _requests.Body;
        bool isWanted = operation.Body == ApiBody.Required;
        if (body.IsEmpty == isWanted && operation.Verb == ApiVerb.Put)
            return Refuse(descriptors, (int)ApiStatus.BadRequest, isWanted && route.IsSilentWithoutBody ? null : BadRequest);

        // Who takes none closes them; who takes some must not get more.
        if (operation.MaxDescriptors > 0)
        {
            return descriptors.Count <= operation.MaxDescriptors
                ? InvokeAsync(operation, body, descriptors)
                : Refuse(descriptors, (int)ApiStatus.BadRequest, BadRequest);
        }

        Close(descriptors);
        return InvokeAsync(operation, body, []);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Every request gets an answer, also when the API breaks its promise not to throw")]
    private async ValueTask<bool> InvokeAsync(ApiOperation operation, ReadOnlyMemory<byte> body, IReadOnlyList<FileDescriptor> descriptors)
    {
        try
        {
            // Not cancelled when the client goes: what was asked for is done.
            ApiReply reply = await _services.Api.InvokeAsync(operation, body, descriptors, CancellationToken.None).ConfigureAwait(false);
            if (reply.IsSuccess) ResponseWriter.Write(_output, (int)reply.Status, reply.Document.Span);
            else ResponseWriter.WriteErrors(_output, (int)reply.Status, reply.Errors);
        }
        catch (Exception e)
        {
            _services.Log.LogError(e, "{Operation} failed", operation.Name);
            ResponseWriter.WriteErrors(_output, (int)ApiStatus.InternalError, [ServerError]);
        }

        return true;
    }

    private ValueTask<bool> Refuse(IReadOnlyList<FileDescriptor> descriptors, int status, string? error)
    {
        Close(descriptors);
        if (error is null) ResponseWriter.Write(_output, status, []);
        else ResponseWriter.WriteErrors(_output, status, [error]);
        return ValueTask.FromResult(true);
    }

    /// <returns>False when nobody will take it.</returns>
    private ValueTask<bool> FlushAsync()
    {
        ValueTask<FlushResult> flush = _output.FlushAsync();
        return flush.IsCompletedSuccessfully ? ValueTask.FromResult(!flush.Result.IsCompleted) : AwaitClientAsync(flush);
    }

    private async ValueTask<bool> AwaitClientAsync(ValueTask<FlushResult> flush)
    {
        _deadline.Start(_services.Limits.SendTime, _connection.Abort);
        FlushResult result = await flush.ConfigureAwait(false);
        _deadline.Stop();
        return !result.IsCompleted;
    }

    private static void Close(IReadOnlyList<FileDescriptor> descriptors)
    {
        foreach (FileDescriptor descriptor in descriptors) descriptor.Dispose();
    }
}
