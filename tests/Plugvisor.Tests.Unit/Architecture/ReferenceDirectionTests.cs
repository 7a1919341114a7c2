using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Xunit;

namespace Plugvisor.Tests.Unit.Architecture;

/// <summary>Holds the direction of references, on the compiled assemblies: what they use, not what a project file says.</summary>
public sealed class ReferenceDirectionTests
{
    private static readonly string[] Contract = ["Plugvisor.Abstractions", "Plugvisor.Virtio", "Plugvisor.VhostUser", "Plugvisor.Linux"];

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Plugvisor.Abstractions"] = [],
        ["Plugvisor.Linux"] = [],
        ["Plugvisor.Virtio"] = ["Plugvisor.Abstractions", "Plugvisor.Linux"],
        ["Plugvisor.VhostUser"] = ["Plugvisor.Abstractions", "Plugvisor.Linux", "Plugvisor.Virtio"],
        ["Plugvisor.Hypervisor"] = ["Plugvisor.Abstractions", "Plugvisor.Linux"],
        ["Plugvisor.Hypervisor.Kvm"] = ["Plugvisor.Abstractions", "Plugvisor.Linux", "Plugvisor.Hypervisor"],
        ["Plugvisor.Plugins"] = ["Plugvisor.Abstractions"],
        ["Plugvisor.Configuration"] = ["Plugvisor.Abstractions", "Plugvisor.Plugins"],
        ["Plugvisor.Machine"] = [.. Contract, "Plugvisor.Hypervisor", "Plugvisor.Plugins"],
        ["Plugvisor.Control"] = [.. Contract, "Plugvisor.Hypervisor", "Plugvisor.Plugins", "Plugvisor.Configuration", "Plugvisor.Machine"],
        ["Plugvisor.Api"] =
        [
            "Plugvisor.Abstractions", "Plugvisor.Linux", "Plugvisor.Plugins", "Plugvisor.Configuration", "Plugvisor.Machine", "Plugvisor.Control",
        ],
        ["Plugvisor.Rest"] = ["Plugvisor.Linux", "Plugvisor.Control", "Plugvisor.Api"],
        ["Plugvisor.DBus"] = ["Plugvisor.Linux", "Plugvisor.Control", "Plugvisor.Api"],
        ["plugvisor"] =
        [
            .. Contract, "Plugvisor.Hypervisor", "Plugvisor.Plugins", "Plugvisor.Configuration", "Plugvisor.Machine", "Plugvisor.Control",
            "Plugvisor.Hypervisor.Kvm", "Plugvisor.Api", "Plugvisor.DBus", "Plugvisor.Rest", "Plugvisor.Manual",
        ],
        ["Plugvisor.Manual"] = [],
        ["plugvisor-remote"] = ["Plugvisor.Abstractions", "Plugvisor.Linux", "Plugvisor.Plugins", "Plugvisor.Manual"],
        ["Plugvisor.Testing"] = Contract,
    };

    public static TheoryData<string> Assemblies()
    {
        var names = new TheoryData<string>();
        foreach (string path in Ours()) names.Add(Path.GetFileNameWithoutExtension(path));
        return names;
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void An_assembly_uses_only_what_lies_below_it(string name)
    {
        string[] allowed = IsPlugin(name) ? Contract : Allowed[name];
        Assert.Empty(References(name).Where(IsOurs).Except(allowed));
    }

    [Fact]
    public void The_contract_needs_nothing_but_the_runtime()
    {
        foreach (string name in Contract)
        {
            Assert.All(References(name).Where(reference => !IsOurs(reference)),
                reference => Assert.True(reference.StartsWith("System.", StringComparison.Ordinal) || reference is "netstandard" or "mscorlib",
                    $"{name} uses {reference}"));
        }
    }

    [Fact]
    public void Every_layer_is_looked_at()
    {
        var seen = Ours().Select(path => Path.GetFileNameWithoutExtension(path)!).ToHashSet();
        Assert.Empty(Allowed.Keys.Except(seen));
        Assert.True(seen.Count(IsPlugin) >= 3, "the plugins are not beside the tests");
    }

    private static bool IsPlugin(string name) => name.StartsWith("Plugvisor.Plugins.", StringComparison.Ordinal);

    private static bool IsOurs(string name) => name is "plugvisor" or "plugvisor-remote" || name.StartsWith("Plugvisor.", StringComparison.Ordinal);

    private static IEnumerable<string> Ours() => Directory.EnumerateFiles(AppContext.BaseDirectory, "*.dll")
        .Where(path => IsOurs(Path.GetFileNameWithoutExtension(path)))
        .Where(path => !Path.GetFileName(path).StartsWith("Plugvisor.Tests.", StringComparison.Ordinal)
            && Path.GetFileName(path) != "Plugvisor.Generators.dll");

    private static List<string> References(string name)
    {
        using FileStream file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, name + ".dll"));
        using var pe = new PEReader(file);
        MetadataReader metadata = pe.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
