using System.Text.Json;
using System.Text.Unicode;

namespace Plugvisor.Api;

/// <summary>Reads the document of a request, which may be anything.</summary>
internal static class RequestDocument
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Parses it. Every text in it can be read afterwards: the parser itself leaves that to whoever reads the text.</summary>
    /// <exception cref="JsonException">It is no JSON, too deep, has a name twice in one object, or a text that is none.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> document)
    {
        if (!Utf8.IsValid(document)) throw new JsonException("invalid UTF-8");
        // Valid bytes can still spell half a character: "\ud800". First, because the parser compares names.
        if (document.IndexOf("\\u"u8) >= 0) CheckTexts(document);
        return JsonElement.Parse(document, Strict);
    }

    private static void CheckTexts(ReadOnlySpan<byte> document)
    {
        var reader = new Utf8JsonReader(document);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) _ = reader.GetString();
            }
        }
        catch (InvalidOperationException)
        {
            throw new JsonException($"invalid unicode code point at byte {reader.TokenStartIndex}");
        }
    }
}
