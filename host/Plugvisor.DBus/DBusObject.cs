using System.Diagnostics.CodeAnalysis;
using System.Text;
using Plugvisor.Api;
using Plugvisor.DBus.Bus;

namespace Plugvisor.DBus;

/// <summary>
/// The one object on the bus: turns method calls into operations of the API and their answers into replies. <see cref="OnCall"/> is called on the
/// connection's thread and waits for nothing, so a slow command keeps neither another command nor a ping waiting.
/// </summary>
/// <param name="path">Its path.</param>
/// <param name="api">What it offers.</param>
/// <param name="becameIdle">Called when the last command has its answer, on any thread.</param>
internal sealed class DBusObject(string path, IVmmApi api, Action becameIdle)
{
    /// <summary>The interface, Cloud Hypervisor's.</summary>
    public const string Interface = "org.cloudhypervisor.DBusApi1";

    /// <summary>The signal.</summary>
    public const string Event = "Event";

    // What clients may have waiting at once, all together: enough for any orchestrator, and a bound on what a runaway one costs.
    private const int MaxCalls = 256;

    // The REST API's limit for a body; and for all documents that wait at once, which a call and libsystemd hold once each.
    private const int MaxDocument = 4 << 20, MaxDocuments = 32 << 20;

    private int _calls;
    private int _documents;

    /// <summary>Whether no command that came from here is running or waiting. Any thread.</summary>
    public bool IsIdle => Volatile.Read(ref _calls) == 0;

    /// <summary>Whether the method of an operation has a result: a document, or the empty string where there is none to give.</summary>
    public static bool HasResult(ApiOperation operation) => operation.Reply is ApiReplyKind.Document or ApiReplyKind.DocumentOrNoContent;

    /// <summary>Answers a call, at once or later.</summary>
    public void OnCall(IBusCall call)
    {
        if (call.Path != path)
        {
            string? child = ChildOf(call.Path);
            if (child is null) call.Reply(BusReply.Error(StandardNames.UnknownObject, $"There is no object {call.Path}; the API is {path}"));
            else OnStandard(call, () => Introspection.OfParent(child));
            return;
        }

        if (call.Interface is Interface || (call.Interface is null && api.Catalog.FindDBus(call.Member) is not null)) OnOperation(call);
        else OnStandard(call, () => Introspection.OfObject(api.Catalog));
    }

    private void OnOperation(IBusCall call)
    {
        if (api.Catalog.FindDBus(call.Member) is not { } operation)
        {
            call.Reply(BusReply.Error(StandardNames.UnknownMethod, $"{Interface} has no method {call.Member}; no plugin that is loaded declares one"));
            return;
        }

        string wanted = operation.Body == ApiBody.Required ? "s" : "";
        if (call.Signature != wanted)
        {
            string takes = wanted.Length == 0 ? "no arguments" : "one string with a JSON document";
            call.Reply(BusReply.Error(StandardNames.InvalidArgs, $"{call.Member} takes {takes}, not the types '{call.Signature}'"));
            return;
        }

        if (call.Argument.Length > MaxDocument)
        {
            call.Reply(BusReply.Error(
                StandardNames.LimitsExceeded, $"The document has {call.Argument.Length} bytes and may have {MaxDocument}"));
            return;
        }

        if (!TryEnter(call.Argument.Length))
        {
            call.Reply(BusReply.Error(
                StandardNames.LimitsExceeded,
                $"{MaxCalls} commands or {MaxDocuments >> 20} MiB of documents are waiting already; try again"));
            return;
        }

        _ = AnswerAsync(call, operation);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Each call gets its one reply, whatever happens")]
    private async Task AnswerAsync(IBusCall call, ApiOperation operation)
    {
        try
        {
            ApiReply reply = await api.InvokeAsync(operation, call.Argument, []).ConfigureAwait(false);
            call.Reply(ToBus(operation, reply));
        }
        catch (Exception e)
        {
            call.Reply(BusReply.Error(StandardNames.Failed, e.Message));
        }
        finally
        {
            Leave(call.Argument.Length);
        }
    }

    private static BusReply ToBus(ApiOperation operation, ApiReply reply)
    {
        if (reply.IsSuccess) return HasResult(operation) ? BusReply.Text(reply.Document) : BusReply.Nothing;
        // The first link says no more than that this is the API's.
        if (operation.TellsReason && reply.Errors.Count > 2) return BusReply.Error(StandardNames.Failed, string.Join(": ", reply.Errors.Skip(1)));
        string message = reply.Message.Length > 0 ? reply.Message : reply.Errors.Count > 0 ? reply.Errors[^1] : operation.Failure;
        return BusReply.Error(StandardNames.Failed, message);
    }

    /// <summary>The interfaces that every object has. Ping and GetMachineId are answered by the library.</summary>
    private static void OnStandard(IBusCall call, Func<string> introspect) => call.Reply((call.Interface, call.Member) switch
    {
        (StandardNames.Introspectable or null, "Introspect") => BusReply.Text(Encoding.UTF8.GetBytes(introspect())),
        (StandardNames.Properties, "GetAll") => BusReply.NoProperties,
        (StandardNames.Properties, "Get" or "Set") => BusReply.Error(StandardNames.UnknownProperty, $"{call.Path} has no properties"),
        (StandardNames.Introspectable or StandardNames.Properties or StandardNames.Peer or null, _) =>
            BusReply.Error(StandardNames.UnknownMethod, $"There is no method {call.Member}"),
        _ => BusReply.Error(StandardNames.UnknownInterface, $"{call.Path} has no interface {call.Interface}"),
    });

    /// <summary>The next part of the way from a path down to the object, or null where that is no way to it.</summary>
    private string? ChildOf(string parent)
    {
        string start = parent == "/" ? parent : parent + "/";
        if (path.Length <= start.Length || !path.StartsWith(start, StringComparison.Ordinal)) return null;
        int end = path.IndexOf('/', start.Length);
        return end < 0 ? path[start.Length..] : path[start.Length..end];
    }

    private bool TryEnter(int document)
    {
        // Only the connection's thread comes here, so counts can only have become smaller in between.
        if (Volatile.Read(ref _calls) >= MaxCalls || Volatile.Read(ref _documents) + document > MaxDocuments) return false;
        Interlocked.Add(ref _documents, document);
        Interlocked.Increment(ref _calls);
        return true;
    }

    private void Leave(int document)
    {
        Interlocked.Add(ref _documents, -document);
        if (Interlocked.Decrement(ref _calls) == 0) becameIdle();
    }
}
