namespace Plugvisor.Rest.Http;

/// <summary>What matters of a request's line and headers. One object a connection, used again for each request.</summary>
internal sealed class RequestHead
{
    /// <summary>The method.</summary>
    public HttpVerb Verb { get; set; }

    /// <summary>The absolute path, not decoded and with whatever query there is; empty for a target that has none.</summary>
    public string Path { get; set; } = "";

    /// <summary>Whether the client speaks HTTP/1.0, which has no chunks.</summary>
    public bool IsHttp10 { get; set; }

    /// <summary>Bytes of the body.</summary>
    public uint ContentLength { get; set; }

    /// <summary>Whether <see cref="ContentLength"/> was said.</summary>
    public bool HasContentLength { get; set; }

    /// <summary>Whether the client waits for a 100 before it sends the body.</summary>
    public bool ExpectsContinue { get; set; }

    /// <summary>Makes it ready for the next request.</summary>
    public void Reset()
    {
        Verb = HttpVerb.Get;
        Path = "";
        IsHttp10 = false;
        ContentLength = 0;
        HasContentLength = false;
        ExpectsContinue = false;
    }
}
