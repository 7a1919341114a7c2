namespace Plugvisor.Tests.Unit.Rest;

/// <summary>An answer as it came over the socket.</summary>
internal sealed record RawAnswer(string Head, string Body)
{
    /// <summary>The status line without its line end.</summary>
    public string StatusLine => Head[..Head.IndexOf("\r\n", StringComparison.Ordinal)];

    /// <summary>The status line's number.</summary>
    public int Status => int.Parse(StatusLine["HTTP/1.1 ".Length..].Trim());

    public override string ToString() => Head + Body;
}
