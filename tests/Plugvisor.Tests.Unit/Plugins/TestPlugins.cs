using Microsoft.CodeAnalysis.CSharp;
using Plugvisor.Tests.Unit.Generators;

namespace Plugvisor.Tests.Unit.Plugins;

/// <summary>Plugin folders in a directory of their own: copies of the built ones below tests/plugins, and made-up ones.</summary>
internal sealed class TestPlugins : IDisposable
{
    public TestPlugins() => Root = Directory.CreateTempSubdirectory("plugvisor-plugins-").FullName;

    public string Root { get; }

    /// <summary>Where tests/plugins are built.</summary>
    public static string Built { get; } = FindBuilt();

    public static string BuiltAssembly(string name) =>
        Path.Combine(Built, name, char.ToUpperInvariant(name[0]) + name[1..] + ".dll");

    /// <summary>Copies a built plugin.</summary>
    public string Copy(string name, string? folder = null, string? directory = null)
    {
        var target = Path.Combine(directory ?? Root, folder ?? name);
        Directory.CreateDirectory(target);
        foreach (var file in Directory.GetFiles(Path.Combine(Built, name))) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        return target;
    }

    /// <summary>Writes an assembly whose manifest is a given text.</summary>
    public string WithManifest(string folder, string json, string fileName = "Made.dll")
    {
        var target = Path.Combine(Root, folder);
        Directory.CreateDirectory(target);
        File.WriteAllBytes(Path.Combine(target, fileName), Compile(json));
        return target;
    }

    /// <summary>A manifest that fits, with some parts changed.</summary>
    public static string Manifest(string kind = "made", string? section = null, string contract = "1.0", string entry = "Made", string more = "") =>
        $$"""{"manifest":1,"contract":"{{contract}}","version":"1.2.3","entry":"{{entry}}","kind":"{{kind}}","section":"{{section ?? kind}}","cardinality":"list","idPrefix":"_x"{{more}},"members":[]}""";

    public static byte[] Compile(string? manifest, string source = "public class Made { }")
    {
        var attribute = manifest is null ? "" : $"[assembly: Plugvisor.Abstractions.Configuration.PluginManifest({SymbolDisplay.FormatLiteral(manifest, true)})]\n";
        using var image = new MemoryStream();
        var result = GeneratorRun.Compile("Made", attribute + source).Emit(image);
        Xunit.Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return image.ToArray();
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private static string FindBuilt()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var candidate = Path.Combine(folder, "test-plugins");
            if (Directory.Exists(candidate)) return candidate;
        }

        throw new DirectoryNotFoundException("build the projects in tests/plugins first");
    }
}
