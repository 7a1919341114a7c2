namespace Plugvisor.Rest;

/// <summary>What a client may use up. The defaults are the interface's (reference section 1.1) but for the number of connections and the times, which are ours.</summary>
public sealed record RestLimits
{
    /// <summary>
    /// Connections at once; one more is answered 503 and closed. Cloud Hypervisor takes 10, which a few event streams and a monitoring agent use up.
    /// </summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>Descriptors that clients sent beside requests which are not complete yet; what comes beyond is closed.</summary>
    public int MaxWaitingDescriptors { get; init; } = 4096;

    /// <summary>Bytes of a request line or a header line, without its line end.</summary>
    public int MaxLine { get; init; } = 1024;

    /// <summary>Bytes of a body.</summary>
    public int MaxBody { get; init; } = 4 * 1024 * 1024;

    /// <summary>From the first byte of a request to the end of its headers. A connection without a request may stay as long as it likes.</summary>
    public TimeSpan HeadTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From the headers to the end of the body.</summary>
    public TimeSpan BodyTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a client may take nothing of an answer. Event streams have no such limit.</summary>
    public TimeSpan SendTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Unread events that are kept for each client of the event stream; what comes beyond is lost, and the stream says how much.</summary>
    public int MaxUnreadEvents { get; init; } = 16384;

    /// <summary>
    /// The same for a process that may have so many descriptors: clients get a quarter of them for their connections and another one for what they
    /// send, so that the VM always has enough.
    /// </summary>
    public RestLimits Within(long openFiles)
    {
        int quarter = (int)Math.Clamp(openFiles / 4, 10, int.MaxValue);
        return this with { MaxConnections = Math.Min(MaxConnections, quarter), MaxWaitingDescriptors = Math.Min(MaxWaitingDescriptors, quarter) };
    }
}
