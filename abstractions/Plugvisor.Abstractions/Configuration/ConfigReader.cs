using System.ComponentModel;
using System.Text.Json;

namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// Reads JSON values for generated <c>From</c> methods, which are its only callers. Checks types and the range of the C# type; the declared
/// limits were checked by the host before.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ConfigReader
{
    /// <summary>Throws unless <paramref name="json"/> is an object.</summary>
    public static void RequireObject(JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object) throw WrongType(name, "an object", json);
    }

    /// <summary>Throws unless <paramref name="json"/> is an array, else its length.</summary>
    public static int RequireArray(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Array ? json.GetArrayLength() : throw WrongType(name, "a list", json);

    /// <summary>A string.</summary>
    public static string ReadString(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.String ? json.GetString()! : throw WrongType(name, "a string", json);

    /// <summary>A boolean.</summary>
    public static bool ReadToggle(JsonElement json, string name) => json.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw WrongType(name, "true or false", json),
    };

    /// <summary>An integer from 0 to <paramref name="max"/>.</summary>
    public static ulong ReadUnsigned(JsonElement json, string name, ulong max)
    {
        if (json.ValueKind != JsonValueKind.Number || !json.TryGetUInt64(out var value) || value > max)
            throw WrongType(name, $"an integer from 0 to {max}", json);
        return value;
    }

    /// <summary>An integer in a range.</summary>
    public static long ReadSigned(JsonElement json, string name, long min, long max)
    {
        if (json.ValueKind != JsonValueKind.Number || !json.TryGetInt64(out var value) || value < min || value > max)
            throw WrongType(name, $"an integer from {min} to {max}", json);
        return value;
    }

    /// <summary>The error for an enum value that is not declared.</summary>
    public static ConfigException UnknownValue(JsonElement json, string name, string expected) =>
        WrongType(name, $"one of {expected}", json);

    /// <summary>The error for a required member that is absent.</summary>
    public static ConfigException Missing(string name) => new($"missing member `{name}`");

    /// <summary>The error for a member that is not declared, where that is refused.</summary>
    public static ConfigException Unknown(string name) => new($"unknown member `{name}`");

    private static ConfigException WrongType(string name, string expected, JsonElement json) =>
        new($"member `{name}`: expected {expected}, found {(json.ValueKind == JsonValueKind.Undefined ? "nothing" : json.GetRawText())}");
}
