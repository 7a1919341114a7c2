namespace Plugvisor.Rest.Http;

/// <summary>How reading a part of a request ended.</summary>
internal enum ReadStatus
{
    /// <summary>It is there.</summary>
    Complete,

    /// <summary>It cannot be parsed; the connection goes on with what comes next.</summary>
    Malformed,

    /// <summary>It took too long; the connection ends.</summary>
    TooSlow,

    /// <summary>The client sends nothing any more, or the server stops.</summary>
    Ended,
}
