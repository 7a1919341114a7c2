using System.Text.Json;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>An answer of the API.</summary>
/// <param name="Code">Its status code.</param>
/// <param name="StatusLine">Its first line.</param>
/// <param name="Headers">Its header lines.</param>
/// <param name="Body">Its body, perhaps empty.</param>
internal sealed record ApiAnswer(int Code, string StatusLine, IReadOnlyList<string> Headers, string Body)
{
    public JsonElement Json => JsonElement.Parse(Body);

    /// <summary>The error chain of a failure.</summary>
    public string[] Errors => [.. Json.EnumerateArray().Select(text => text.GetString()!)];

    public override string ToString() => $"{Code} {Body}";
}
