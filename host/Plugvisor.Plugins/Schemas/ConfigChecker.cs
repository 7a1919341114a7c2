using System.Globalization;
using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Plugins.Schemas;

/// <summary>
/// Checks what a normalized config means: limits of single members, then the declared rules. Error texts are those of the interface reference,
/// section 2.6. The first thing that is wrong wins.
/// </summary>
internal static class ConfigChecker
{
    public static string? Check(ObjectDeclaration config, JsonElement json, ConfigContext context)
    {
        foreach (var member in config.Members)
        {
            if (!json.TryGetProperty(member.Name, out var value) || value.ValueKind == JsonValueKind.Null) continue;
            if (CheckMember(member, value, context) is { } error) return error;
        }

        foreach (var rule in config.Rules)
        {
            if (Breaks(rule, json, context)) return rule.Error;
        }

        return null;
    }

    private static string? CheckMember(MemberDeclaration member, JsonElement value, ConfigContext context)
    {
        switch (member.Type)
        {
            case MemberType.Integer:
                return CheckInteger(member, value, context);
            case MemberType.String:
                return CheckString(member, value);
            case MemberType.Object:
                return Check(member.Object!, value, context);
            case MemberType.Integers or MemberType.Strings or MemberType.Tuples:
                foreach (var item in value.EnumerateArray())
                {
                    var error = member.Type switch
                    {
                        MemberType.Integers => CheckInteger(member, item, context),
                        MemberType.Strings => CheckString(member, item),
                        _ => Check(member.Object!, item, context),
                    };
                    if (error is not null) return error;
                }

                return null;
            default:
                return null;
        }
    }

    private static string? CheckInteger(MemberDeclaration member, JsonElement json, ConfigContext context)
    {
        var text = json.GetRawText();
        var isNegative = !json.TryGetUInt64(out var value);
        if (isNegative ? json.GetInt64() < member.Min : (member.Min > 0 && value < (ulong)member.Min) || value > member.Max)
            return RangeError(member, text);
        if (isNegative) return null;

        if (member.QueuesPerVcpu > 0)
        {
            var share = value / (ulong)member.QueuesPerVcpu;
            if (share > (ulong)context.BootVcpus)
                return string.Create(CultureInfo.InvariantCulture, $"Queue count ({share}) must not exceed boot vCPUs ({context.BootVcpus})");
        }

        if (member.PowerOfTwoMax > 0 && (!ulong.IsPow2(value) || value > (ulong)member.PowerOfTwoMax))
            return string.Create(CultureInfo.InvariantCulture, $"{Label(member)} must be a power of 2 no greater than {member.PowerOfTwoMax}: {text}");
        if (member.MultipleOf > 0 && value % (ulong)member.MultipleOf != 0)
            return string.Create(CultureInfo.InvariantCulture, $"{Label(member)} must be a multiple of {member.MultipleOf}: {text}");
        return null;
    }

    private static string RangeError(MemberDeclaration member, string text)
    {
        if (member.RangeError is { } error) return error.Replace("{0}", text, StringComparison.Ordinal);
        var hasMin = member.Min > member.Width.Min;
        var hasMax = member.Max < member.Width.Max;
        var limits = hasMin && hasMax ? $"between {member.Min} and {member.Max}" : hasMin ? $"at least {member.Min}" : $"at most {member.Max}";
        return $"{Label(member)} must be {limits}: {text}";
    }

    private static string? CheckString(MemberDeclaration member, JsonElement json)
    {
        var text = json.GetString()!;
        // To the kernel and to a guest it is the end: what is meant would be another name than what is used.
        if (text.Contains('\0', StringComparison.Ordinal)) return $"{Label(member)} contains a NUL character";
        if (member.MaxLength == 0) return null;
        var length = Encoding.UTF8.GetByteCount(text);
        return length <= member.MaxLength
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{Label(member)} length ({length}) exceeds maximum allowed length ({member.MaxLength})");
    }

    private static string Label(MemberDeclaration member) =>
        member.Label ?? string.Concat(char.ToUpperInvariant(member.Name[0]).ToString(), member.Name.AsSpan(1)).Replace('_', ' ');

    private static bool Breaks(RuleDeclaration rule, JsonElement json, ConfigContext context)
    {
        if (rule.If is { } condition && !Holds(condition, json)) return false;
        if (rule.IfNot is { } unless && IsSet(unless, json)) return false;
        foreach (var name in rule.Needs)
        {
            if (!(name == ConfigRuleAttribute.SharedMemory ? context.SharedMemory : IsSet(name, json))) return true;
        }

        foreach (var name in rule.Excludes)
        {
            if (IsSet(name, json)) return true;
        }

        return false;
    }

    /// <summary>A condition <c>member</c> or <c>member=value</c>.</summary>
    internal static bool Holds(string condition, JsonElement json)
    {
        var equals = condition.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0) return IsSet(condition, json);
        if (!json.TryGetProperty(condition.AsSpan(0, equals), out var value)) return false;
        var expected = condition.AsSpan(equals + 1);
        return value.ValueKind == JsonValueKind.String ? value.ValueEquals(expected) : expected.SequenceEqual(value.GetRawText());
    }

    private static bool IsSet(string name, JsonElement json) =>
        json.TryGetProperty(name, out var value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False);
}
