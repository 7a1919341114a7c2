using System.Globalization;
using System.Text;
using System.Text.Json;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Sockets;
using Plugvisor.Remote.Calls;

namespace Plugvisor.Remote.Transport;

/// <summary>
/// HTTP/1.1 over the API socket (interface reference section 1). Not HttpClient: that starts threads, and it cannot send descriptors.
/// </summary>
internal sealed class HttpTransport(string path) : IRemoteTransport
{
    private const string Failed = "http client error";
    private const int EPIPE = 32, ECONNRESET = 104;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Send(RemoteCall call)
    {
        using UnixStream stream = Open();
        try
        {
            HttpReply reply = Ask(stream, call);
            byte[] body = reply.ReadBody();
            return IsSuccess(reply.Status) ? body : throw Refusal(call, reply.Status, body);
        }
        catch (Exception e) when (e is LinuxException or HttpReplyException)
        {
            throw new RemoteException(Failed, e);
        }
    }

    /// <inheritdoc/>
    public void Follow(RemoteCall call, Action<ReadOnlySpan<byte>> received)
    {
        using UnixStream stream = Open();
        try
        {
            HttpReply reply = Ask(stream, call);
            if (!IsSuccess(reply.Status)) throw Refusal(call, reply.Status, reply.ReadBody());
            reply.ReadBody(received);
        }
        catch (Exception e) when (e is LinuxException or HttpReplyException)
        {
            throw new RemoteException(Failed, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static bool IsSuccess(int status) => status is >= 200 and < 300;

    private UnixStream Open()
    {
        try
        {
            return UnixStream.Connect(path);
        }
        catch (LinuxException e)
        {
            throw new RemoteException("Error opening HTTP socket", e);
        }
    }

    private static HttpReply Ask(UnixStream stream, RemoteCall call)
    {
        string length = call.Body is null ? "" : string.Create(CultureInfo.InvariantCulture, $"Content-Length: {call.Body.Length}\r\n");
        byte[] head = Encoding.UTF8.GetBytes($"{(call.IsGet ? "GET" : "PUT")} /api/v1/{call.Name} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{length}\r\n");
        try
        {
            stream.Send(call.Body is null ? head : [.. head, .. call.Body], [.. call.Descriptors]);
        }
        catch (LinuxException e) when (e.Errno is EPIPE or ECONNRESET)
        {
            // A server that refuses a request before it has read all of it says why: hear it out.
            if (HttpReply.TryRead(stream) is { } early) return early;
            throw;
        }

        return HttpReply.Read(stream);
    }

    /// <summary>The server's own words, as further links of the chain.</summary>
    private static RemoteException Refusal(RemoteCall call, int status, byte[] body)
    {
        string name = status switch
        {
            400 => "BadRequest",
            404 => "NotFound",
            429 => "TooManyRequests",
            500 => "InternalServerError",
            501 => "NotImplemented",
            _ => "Unknown",
        };
        List<string> words = Words(body);
        // A reason of the server's own is about what was asked for, not about the operation.
        if (status == 404 && words is [] or ["Not Found"] && call.WhenUnknown is { } why) words.Add(why);
        return RemoteException.Chain([Failed, $"Server responded with {name}", .. words]);
    }

    private static List<string> Words(byte[] body)
    {
        var words = new List<string>();
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement link in document.RootElement.EnumerateArray())
                    words.Add(link.ValueKind == JsonValueKind.String ? link.GetString()! : link.GetRawText());
                return words;
            }
        }
        catch (JsonException)
        {
            // Older servers send plain text.
        }

        string text = Encoding.UTF8.GetString(body).Trim();
        if (text.Length > 0) words.Add(text);
        return words;
    }
}
