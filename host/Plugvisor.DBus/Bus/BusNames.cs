namespace Plugvisor.DBus.Bus;

/// <summary>What may be a name: D-Bus specification, "Valid Names" and "Valid Object Paths".</summary>
internal static class BusNames
{
    private const int MaxLength = 255;

    /// <summary>Why a text is no well-known bus name, or null when it is one.</summary>
    public static string? WhyNoServiceName(string text)
    {
        const string Form = "it takes two or more parts with dots between them, such as org.example.Vm1";
        if (text.Length > MaxLength) return $"it has {text.Length} characters and may have {MaxLength}";
        string[] parts = text.Split('.');
        if (parts.Length < 2) return Form;
        foreach (string part in parts)
        {
            if (part.Length == 0) return "a part of it is empty; " + Form;
            if (char.IsAsciiDigit(part[0])) return $"its part '{part}' starts with a digit";
            if (Wrong(part, dash: true) is { } wrong) return $"'{wrong}' is not allowed in it; letters, digits, _ and - are";
        }

        return null;
    }

    /// <summary>Why a text is no object path, or null when it is one.</summary>
    public static string? WhyNoObjectPath(string text)
    {
        if (text == "/") return null;
        if (!text.StartsWith('/')) return "it starts with /, such as /org/example/Vm1";
        foreach (string part in text[1..].Split('/'))
        {
            if (part.Length == 0) return "it has an empty part: // or a / at its end";
            if (Wrong(part, dash: false) is { } wrong) return $"'{wrong}' is not allowed in it; letters, digits and _ are";
        }

        return null;
    }

    private static char? Wrong(string part, bool dash)
    {
        foreach (char c in part)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_' && !(dash && c == '-')) return c;
        }

        return null;
    }
}
