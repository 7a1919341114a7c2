namespace Plugvisor.Plugins.Catalog;

/// <summary>The assemblies that plugin and host share: always the host's.</summary>
internal static class ContractAssemblies
{
    public static readonly string[] Names = ["Plugvisor.Abstractions", "Plugvisor.Virtio", "Plugvisor.VhostUser", "Plugvisor.Linux"];

    /// <summary>Whether a file's name is that of a contract assembly.</summary>
    public static bool IsFile(ReadOnlySpan<char> fileName)
    {
        foreach (var name in Names)
        {
            if (fileName.Length == name.Length + 4 && fileName.StartsWith(name, StringComparison.OrdinalIgnoreCase) &&
                fileName.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }

    /// <summary>Whether a simple assembly name is that of a contract assembly.</summary>
    public static bool IsName(string? name) => name is not null && Array.IndexOf(Names, name) >= 0;
}
