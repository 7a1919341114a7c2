using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Plugvisor.Generators;
using Xunit;

namespace Plugvisor.Tests.Unit.Generators;

/// <summary>Compiles a source text with the generator, as a plugin's build does.</summary>
internal sealed class GeneratorRun
{
    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(':').Where(path =>
                Path.GetFileName(path) is "System.Runtime.dll" or "System.Private.CoreLib.dll" or "System.Text.Json.dll" or "System.Collections.dll"
                    or "System.Memory.dll" or "Plugvisor.Abstractions.dll")
            .Select(path => MetadataReference.CreateFromFile(path))];

    public const string Usings = """
        using System.Collections.Generic;
        using Plugvisor.Abstractions.Configuration;
        using Plugvisor.Abstractions.Devices;

        """;

    /// <summary>An entry class, for tests that look at the config.</summary>
    public const string Entry = """
        [DevicePlugin]
        public sealed class Plugin : IDevicePlugin
        {
            public IDevice Create(DeviceRequest request, IDeviceHost host) => throw new System.NotSupportedException();
        }

        """;

    private readonly Compilation _compilation;
    private readonly GeneratorDriver _driver;

    private GeneratorRun(Compilation compilation, GeneratorDriver driver)
    {
        _driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out _compilation, out _);
        Result = _driver.GetRunResult();
    }

    public GeneratorDriverRunResult Result { get; }

    public static GeneratorRun Of(string source)
    {
        var compilation = Compile("Sample", Usings + source);
        var driver = CSharpGeneratorDriver.Create([new PluginGenerator().AsSourceGenerator()],
            driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
        return new(compilation, driver);
    }

    /// <summary>A compilation against the contract, without the generator.</summary>
    public static CSharpCompilation Compile(string name, string source) => CSharpCompilation.Create(
        name, [CSharpSyntaxTree.ParseText(source, path: "Sample.cs")], References,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));

    /// <summary>The same sources and one more, as when somebody types elsewhere.</summary>
    public GeneratorRun And(string source) =>
        new(_compilation.RemoveSyntaxTrees(Result.GeneratedTrees).AddSyntaxTrees(CSharpSyntaxTree.ParseText(source)), _driver);

    /// <summary>The generator's own complaints, as <c>id: message</c>.</summary>
    public IEnumerable<string> Problems => Result.Diagnostics.Select(problem => $"{problem.Id}: {problem.GetMessage()}");

    public string Source(string hint) => Result.Results[0].GeneratedSources.Single(source => source.HintName == hint).SourceText.ToString();

    /// <summary>The manifest as the built assembly carries it.</summary>
    public string Manifest => (string)Build().GetCustomAttributesData()
        .Single(data => data.AttributeType.Name == "PluginManifestAttribute").ConstructorArguments[0].Value!;

    public Assembly Build()
    {
        using var image = new MemoryStream();
        var result = _compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return Assembly.Load(image.ToArray());
    }
}
