using System.Globalization;

namespace Plugvisor.Bench;

/// <summary>Options of the form name=value.</summary>
internal static class Arguments
{
    public static int Number(ReadOnlySpan<string> options, string name, int otherwise)
    {
        foreach (string option in options)
        {
            if (option.StartsWith(name + "=", StringComparison.Ordinal))
                return int.Parse(option.AsSpan(name.Length + 1), CultureInfo.InvariantCulture);
        }

        return otherwise;
    }
}
