namespace Plugvisor.Api;

/// <summary>The names that follow from a device kind's.</summary>
public static class DeviceMethods
{
    /// <summary>The D-Bus method that adds such a device: <c>user-device</c> gives <c>VmAddUserDevice</c>.</summary>
    public static string Of(string kind) => "VmAdd" + Words(kind);

    /// <summary>The schema of its config: <c>user-device</c> gives <c>UserDeviceConfig</c>.</summary>
    public static string SchemaOf(string kind) => Words(kind) + "Config";

    private static string Words(string kind)
    {
        var name = new System.Text.StringBuilder();
        bool upper = true;
        foreach (char c in kind)
        {
            if (c is '-' or '_') upper = true;
            else
            {
                name.Append(upper ? char.ToUpperInvariant(c) : c);
                upper = false;
            }
        }

        return name.ToString();
    }
}
