using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Plugins.Schemas;

/// <summary>Turns one typed value of the command line into JSON.</summary>
internal static class OptionValueWriter
{
    /// <summary>False when the text is no value of the member's type.</summary>
    public static bool TryWrite(JsonBuffer writer, MemberDeclaration member, string raw)
    {
        switch (member.Type)
        {
            case MemberType.String:
                writer.String(OptionSyntax.Dequote(raw));
                return true;
            case MemberType.Toggle:
                if (OptionSyntax.ReadToggle(OptionSyntax.Dequote(raw)) is not { } toggle) return false;
                writer.Boolean(toggle);
                return true;
            case MemberType.Integer:
                return TryWriteInteger(writer, member, OptionSyntax.Dequote(raw));
            case MemberType.Enum:
                return TryWriteEnum(writer, member, OptionSyntax.Dequote(raw));
            case MemberType.Integers:
                return TryWriteIntegers(writer, member, raw);
            case MemberType.Strings:
                return TryWriteStrings(writer, raw);
            case MemberType.Tuples:
                return TryWriteTuples(writer, member, raw);
            default:
                return false;
        }
    }

    private static bool TryWriteInteger(JsonBuffer writer, MemberDeclaration member, string text)
    {
        bool readable;
        if (member.Width.IsSigned)
        {
            readable = member.IsByteSize
                ? OptionSyntax.TryReadSignedByteSize(text, member.Width.Min, (long)member.Width.Max, out var signed)
                : OptionSyntax.TryReadSigned(text, member.Width.Min, (long)member.Width.Max, out signed);
            if (readable) writer.Number(signed);
            return readable;
        }

        readable = member.IsByteSize
            ? OptionSyntax.TryReadByteSize(text, member.Width.Max, out var value)
            : OptionSyntax.TryReadInteger(text, member.Width.Max, out value);
        if (readable) writer.Number(value);
        return readable;
    }

    private static bool TryWriteEnum(JsonBuffer writer, MemberDeclaration member, string text)
    {
        foreach (var value in member.Values)
        {
            if (!string.Equals(value.Cli, text, StringComparison.OrdinalIgnoreCase)) continue;
            writer.String(value.Name);
            return true;
        }

        return false;
    }

    private static bool TryWriteIntegers(JsonBuffer writer, MemberDeclaration member, string raw)
    {
        if (OptionSyntax.ReadIntegers(raw, member.Width.Max) is not { } list) return false;
        writer.StartArray();
        foreach (var value in list) writer.Number(value);
        writer.EndArray();
        return true;
    }

    private static bool TryWriteStrings(JsonBuffer writer, string raw)
    {
        List<string> list;
        try
        {
            list = OptionSyntax.ReadStrings(raw);
        }
        catch (OptionException)
        {
            return false;
        }

        writer.StartArray();
        foreach (var value in list) writer.String(value);
        writer.EndArray();
        return true;
    }

    private static bool TryWriteTuples(JsonBuffer writer, MemberDeclaration member, string raw)
    {
        if (OptionSyntax.ReadTuples(raw) is not { } tuples) return false;
        var (first, second) = (member.Object!.Members[0], member.Object.Members[1]);
        writer.StartArray();
        foreach (var (key, value) in tuples)
        {
            writer.StartObject();
            writer.Name(first.Name);
            if (!TryWrite(writer, first, key)) return false;
            writer.Name(second.Name);
            if (!TryWrite(writer, second, value)) return false;
            writer.EndObject();
        }

        writer.EndArray();
        return true;
    }
}
