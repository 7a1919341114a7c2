namespace Plugvisor.Api;

/// <summary>The names that follow from those of operations and device kinds.</summary>
public static class SchemaNames
{
    /// <summary>The schema of an error's body.</summary>
    public const string Errors = "Errors";

    /// <summary>The D-Bus method that adds a device of a kind: <c>user-device</c> gives <c>VmAddUserDevice</c>.</summary>
    public static string MethodOf(string kind) => "VmAdd" + Words(kind);

    /// <summary>The schema of a kind's config: <c>user-device</c> gives <c>UserDeviceConfig</c>.</summary>
    public static string SchemaOf(string kind) => Words(kind) + "Config";

    /// <summary>A name's words with capitals: <c>vm.add-disk</c> gives <c>VmAddDisk</c>.</summary>
    internal static string Words(string name)
    {
        var words = new System.Text.StringBuilder();
        bool upper = true;
        foreach (char c in name)
        {
            if (c is '-' or '_' or '.')
            {
                upper = true;
                continue;
            }

            words.Append(upper ? char.ToUpperInvariant(c) : c);
            upper = false;
        }

        return words.ToString();
    }
}
