namespace Plugvisor.Api;

/// <summary>How the answer to an operation that succeeded looks.</summary>
public enum ApiReplyKind
{
    /// <summary>204 without a body.</summary>
    NoContent,

    /// <summary>200 with a body of length zero.</summary>
    Empty,

    /// <summary>200 with a JSON document.</summary>
    Document,

    /// <summary>200 with a JSON document, or 204 where there is nothing to tell yet.</summary>
    DocumentOrNoContent,
}
