using System.Text.RegularExpressions;
using Xunit;

namespace Plugvisor.Tests.Unit.Docs;

/// <summary>docs/plugin-guide.md leaves out nothing that a device can be or be given: an author who does not read of it does not look for it.</summary>
public sealed partial class PluginGuideContractTests
{
    [Fact]
    public void Every_optional_power_and_every_service_is_named()
    {
        string root = Root(), guide = File.ReadAllText(Path.Combine(root, "docs", "plugin-guide.md"));
        var names = new List<string>();
        foreach (string project in new[] { "Plugvisor.Abstractions", "Plugvisor.Virtio" })
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(root, "abstractions", project), "I*.cs", SearchOption.AllDirectories))
            {
                string source = File.ReadAllText(file);
                if (PowerOrService().IsMatch(source) && Interface().Match(source) is { Success: true } found) names.Add(found.Groups[1].Value);
            }
        }

        Assert.True(names.Count > 12, string.Join(' ', names));
        Assert.Equal([], names.Where(name => !guide.Contains($"`{name}`", StringComparison.Ordinal)));
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Plugvisor.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("no repository above the tests");
    }

    [GeneratedRegex(@"^/// .*\b([Aa]n optional power|a service of the host)\b", RegexOptions.Multiline)]
    private static partial Regex PowerOrService();

    [GeneratedRegex(@"^public interface (\w+)", RegexOptions.Multiline)]
    private static partial Regex Interface();
}
