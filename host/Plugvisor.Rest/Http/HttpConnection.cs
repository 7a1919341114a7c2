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

    /// <summary>A client that was let in.</summary>
    public HttpConnection(ConnectionContext connection, RestServices services)
    {
        _connection = connection;
        _services = services;
        _output = connection.Transport.Output;
        _descriptors = connection.Features.Get<IReceivedDescriptors>()!;
        _deadline = new Deadline(services.Clock);
        _requests = new RequestReader(connection.Transport.Input, services.Limits, _deadline);
    }

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
            bool goesOn = true;
            while (goesOn) goesOn = await ServeAsync(ended.Token).ConfigureAwait(false) && await FlushAsync().ConfigureAwait(false);
            await FlushAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _services.Log.LogError(e, "an API connection failed");
        }
    }

    /// <summary>Reads a request and writes its answer.</summary>
    /// <returns>Whether the connection goes on.</returns>
    private async ValueTask<bool> ServeAsync(CancellationToken ended)
    {
        await _requests.ReadHeadAsync().ConfigureAwait(false);
        RequestHead head = _requests.Head;
        if (_requests.Status == ReadStatus.Complete && head.ContentLength > 0)
        {
            if (head.ExpectsContinue)
            {
                _output.Write(ResponseWriter.Continue);
                if (!await FlushAsync().ConfigureAwait(false)) return false;
            }

            await _requests.ReadBodyAsync().ConfigureAwait(false);
        }

        IReadOnlyList<FileDescriptor> descriptors = _descriptors.Take(_requests.Position);
        switch (_requests.Status)
        {
            case ReadStatus.Complete:
                return await AnswerAsync(head, descriptors, ended).ConfigureAwait(false);
            case ReadStatus.Malformed:
                ResponseWriter.WriteParseError(_output, _requests.Error);
                break;
            case ReadStatus.TooSlow:
                ResponseWriter.WriteParseError(_output, "The request did not arrive in time.");
                break;
        }

        Close(descriptors);
        return _requests.Status == ReadStatus.Malformed;
    }

    private async ValueTask<bool> AnswerAsync(RequestHead head, IReadOnlyList<FileDescriptor> descriptors, CancellationToken ended)
    {
        Route? route = _services.Router.Find(head.Path);
        if (route is null)
        {
            Refuse(descriptors, (int)ApiStatus.NotFound, NotFound);
            return true;
        }

        if (head.Verb != route.Verb)
        {
            bool isSilent = head.Verb is HttpVerb.Patch or HttpVerb.Delete && !route.AnswersOtherMethods;
            Refuse(descriptors, (int)ApiStatus.BadRequest, isSilent ? null : BadRequest);
            return true;
        }

        switch (route.Kind)
        {
            case RouteKind.Events:
                Close(descriptors);
                return await EventStream.SendAsync(
                    _services.Api.Events, _output, _services.Limits.MaxUnreadEvents, !head.IsHttp10, ended).ConfigureAwait(false);
            case RouteKind.Description:
                Close(descriptors);
                ResponseWriter.Write(_output, (int)ApiStatus.Ok, _services.Api.DescribeOpenApi().Span);
                return true;
            default:
                await OperateAsync(route, descriptors).ConfigureAwait(false);
                return true;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Every request gets an answer, also when the API breaks its promise not to throw")]
    private async ValueTask OperateAsync(Route route, IReadOnlyList<FileDescriptor> descriptors)
    {
        ApiOperation operation = route.Operation!;
        // What comes with a GET is ignored.
        ReadOnlyMemory<byte> body = operation.Verb == ApiVerb.Get ? default : _requests.Body;
        bool isWanted = operation.Body == ApiBody.Required;
        if (body.IsEmpty == isWanted && operation.Verb == ApiVerb.Put)
        {
            Refuse(descriptors, (int)ApiStatus.BadRequest, isWanted && route.IsSilentWithoutBody ? null : BadRequest);
            return;
        }

        // Who takes none closes them; who takes some must not get more.
        if (operation.MaxDescriptors == 0)
        {
            Close(descriptors);
            descriptors = [];
        }
        else if (descriptors.Count > operation.MaxDescriptors)
        {
            Refuse(descriptors, (int)ApiStatus.BadRequest, BadRequest);
            return;
        }

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
    }

    private void Refuse(IReadOnlyList<FileDescriptor> descriptors, int status, string? error)
    {
        Close(descriptors);
        if (error is null) ResponseWriter.Write(_output, status, []);
        else ResponseWriter.WriteErrors(_output, status, [error]);
    }

    /// <returns>False when nobody will take it.</returns>
    private async ValueTask<bool> FlushAsync()
    {
        ValueTask<FlushResult> flush = _output.FlushAsync();
        if (!flush.IsCompleted) _deadline.Start(_services.Limits.SendTime, _connection.Abort);
        FlushResult result = await flush.ConfigureAwait(false);
        _deadline.Stop();
        return !result.IsCompleted;
    }

    private static void Close(IReadOnlyList<FileDescriptor> descriptors)
    {
        foreach (FileDescriptor descriptor in descriptors) descriptor.Dispose();
    }
}
