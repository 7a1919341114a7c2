using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Remote.Calls;

/// <summary>JSON documents of the smaller requests (interface reference section 2.5).</summary>
internal static class Documents
{
    /// <summary>An object with one text.</summary>
    public static byte[] Of(string member, string value)
    {
        var json = new JsonBuffer();
        json.StartObject();
        Text(json, member, value);
        json.EndObject();
        return json.Written.ToArray();
    }

    /// <summary>An object with a text and a number.</summary>
    public static byte[] Of(string member, string value, string number, ulong size)
    {
        var json = new JsonBuffer();
        json.StartObject();
        Text(json, member, value);
        json.Name(number);
        json.Number(size);
        json.EndObject();
        return json.Written.ToArray();
    }

    /// <summary>A text, when there is one.</summary>
    public static void Text(JsonBuffer json, string member, string? value)
    {
        if (value is null) return;
        json.Name(member);
        json.String(value);
    }

    /// <summary>A number, when there is one.</summary>
    public static void Number(JsonBuffer json, string member, ulong? value)
    {
        if (value is not { } number) return;
        json.Name(member);
        json.Number(number);
    }

    /// <summary>A toggle, when it is given.</summary>
    public static void Toggle(JsonBuffer json, string member, bool? value)
    {
        if (value is not { } toggle) return;
        json.Name(member);
        json.Boolean(toggle);
    }
}
