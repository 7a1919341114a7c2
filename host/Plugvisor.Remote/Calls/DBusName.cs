using System.Text;

namespace Plugvisor.Remote.Calls;

/// <summary>Names of D-Bus methods: those of operations, in the manner of the interface.</summary>
internal static class DBusName
{
    /// <summary><c>vm.add-disk</c> becomes <c>VmAddDisk</c>.</summary>
    public static string Of(string operation)
    {
        var name = new StringBuilder(operation.Length);
        bool capital = true;
        foreach (char c in operation)
        {
            if (c is '.' or '-') capital = true;
            else
            {
                name.Append(capital ? char.ToUpperInvariant(c) : c);
                capital = false;
            }
        }

        return name.ToString();
    }
}
