using System.Reflection;
using Plugvisor.Api;

namespace Plugvisor.Cli.Commands;

/// <summary>
/// What <c>--version</c> prints. The first line is the version of Cloud Hypervisor's interface that this build speaks, in the form that libvirt
/// and Kata Containers parse; the second is our own.
/// </summary>
internal static class VersionText
{
    /// <summary>Plugvisor's own version.</summary>
    public static string Own => typeof(VersionText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static string Render(int verbosity)
    {
        string text = $"cloud-hypervisor {InterfaceVersion.Build}\nPlugvisor {Own}\n";
        return verbosity > 0 ? text + $"Enabled features: [\"{string.Join("\", \"", InterfaceVersion.Features)}\"]\n" : text;
    }
}
