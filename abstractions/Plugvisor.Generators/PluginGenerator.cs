using System.Collections.Generic;
using System.Collections.Immutable;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Plugvisor.Generators;

/// <summary>
/// From a plugin's attributes makes the reading of its config from JSON, and the one assembly attribute that holds its declaration.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class PluginGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var objects = context.SyntaxProvider.ForAttributeWithMetadataName(Names.ConfigObject, static (node, _) => node is ClassDeclarationSyntax, ReadConfig);
        var configs = context.SyntaxProvider.ForAttributeWithMetadataName(Names.DeviceConfig, static (node, _) => node is ClassDeclarationSyntax, ReadConfig);
        var entries = context.SyntaxProvider.ForAttributeWithMetadataName(Names.DevicePlugin, static (node, _) => node is ClassDeclarationSyntax, ReadEntry);
        var facts = context.CompilationProvider.Select(ReadFacts);

        context.RegisterSourceOutput(objects, static (output, config) => Emit(output, config));
        context.RegisterSourceOutput(configs, static (output, config) => Emit(output, config));
        context.RegisterSourceOutput(entries.Collect().Combine(configs.Collect()).Combine(facts), static (output, all) =>
            EmitManifest(output, all.Left.Left, all.Left.Right, all.Right));
    }

    private static ConfigModel ReadConfig(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        var type = (INamedTypeSymbol)context.TargetSymbol;
        var problems = new List<DiagnosticInfo>();
        var node = (ClassDeclarationSyntax)context.TargetNode;
        if (!node.Modifiers.Any(SyntaxKind.PartialKeyword) || type.IsStatic || type.IsAbstract || type.IsGenericType || type.ContainingType is not null ||
            type.BaseType?.SpecialType != SpecialType.System_Object)
        {
            problems.Add(DiagnosticInfo.At(Diagnostics.ConfigClass, type,
                $"'{type.Name}' must be a partial class, not static, abstract, generic, nested or derived, so that the generator can complete it"));
            return new(type.Name, "", "", new([.. problems]));
        }

        var shape = new ShapeReader(context.SemanticModel.Compilation, problems, cancellation).Read(type);
        string title, manifest = "";
        string? schema = null;
        if (Settings.Find(type, Names.DeviceConfig) is { } settings)
        {
            title = settings.First;
            manifest = new KindReader(type, settings, shape, problems).Write();
        }
        else
        {
            title = type.Name;
            schema = ManifestWriter.WriteObject(shape);
        }

        return new(type.ToDisplayString(), manifest, BindingWriter.Write(type, shape, title, schema), new([.. problems]));
    }

    private static EntryModel ReadEntry(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        var type = (INamedTypeSymbol)context.TargetSymbol;
        var problems = new List<DiagnosticInfo>();
        var isPlugin = false;
        foreach (var contract in type.AllInterfaces) isPlugin |= contract.ToDisplayString() == Names.Plugin;
        var constructible = false;
        foreach (var constructor in type.InstanceConstructors)
            constructible |= constructor.Parameters.Length == 0 && constructor.DeclaredAccessibility == Accessibility.Public;
        if (!isPlugin || !constructible || type.IsAbstract || type.IsGenericType || type.ContainingType is not null || type.DeclaredAccessibility != Accessibility.Public)
        {
            problems.Add(DiagnosticInfo.At(Diagnostics.Entry, type,
                $"'{type.Name}' must be a public class with a public parameterless constructor that implements IDevicePlugin, not abstract, generic or nested"));
        }

        var settings = new Settings(context.Attributes[0]);
        var location = DiagnosticInfo.At(Diagnostics.Pairing, type, "");
        return new(type.ToDisplayString(), settings.Flag("Reloadable"), location, new([.. problems]));
    }

    private static Facts ReadFacts(Compilation compilation, CancellationToken cancellation)
    {
        var contract = compilation.GetTypeByMetadataName(Names.ContractVersion);
        var version = compilation.Assembly.Identity.Version.ToString();
        foreach (var attribute in compilation.Assembly.GetAttributes())
        {
            if (attribute.AttributeClass?.Name == "AssemblyInformationalVersionAttribute" && attribute.ConstructorArguments.Length == 1 &&
                attribute.ConstructorArguments[0].Value is string text)
                version = text;
        }

        return new($"{Constant(contract, "Major")}.{Constant(contract, "Minor")}", version);
    }

    private static object Constant(INamedTypeSymbol? type, string name)
    {
        foreach (var member in type?.GetMembers(name) ?? [])
        {
            if (member is IFieldSymbol { ConstantValue: { } value }) return value;
        }

        return 0;
    }

    private static void Emit(SourceProductionContext output, ConfigModel config)
    {
        foreach (var problem in config.Problems) output.ReportDiagnostic(problem.ToDiagnostic());
        if (config.Binding.Length > 0) output.AddSource(config.Name + ".g.cs", config.Binding);
    }

    private static void EmitManifest(SourceProductionContext output, ImmutableArray<EntryModel> entries, ImmutableArray<ConfigModel> configs, Facts facts)
    {
        foreach (var entry in entries)
        {
            foreach (var problem in entry.Problems) output.ReportDiagnostic(problem.ToDiagnostic());
        }

        if (entries.IsEmpty && configs.IsEmpty) return;
        if (entries.Length != 1 || configs.Length != 1)
        {
            var problem = new DiagnosticInfo(Diagnostics.Pairing.Id,
                $"A plugin assembly has one class with [DevicePlugin] and one with [DeviceConfig]; this one has {entries.Length} and {configs.Length}",
                null, default, default);
            if (!entries.IsEmpty) problem = entries[entries.Length - 1].Location with { Message = problem.Message };
            output.ReportDiagnostic(problem.ToDiagnostic());
            return;
        }

        if (entries[0].Problems.Count > 0 || configs[0].Problems.Count > 0) return;
        var json = new JsonText();
        json.Open('{');
        json.Add("manifest", 1);
        json.Add("contract", facts.Contract);
        json.Add("version", facts.Version);
        json.Add("entry", entries[0].FullName);
        json.Add("reloadable", entries[0].Reloadable);
        json.Raw(configs[0].Manifest);
        var text = SymbolDisplay.FormatLiteral(json.Close('}').ToString(), true);
        output.AddSource("PluginManifest.g.cs", $"// <auto-generated/>\n[assembly: global::Plugvisor.Abstractions.Configuration.PluginManifest({text})]\n");
    }

    private sealed record ConfigModel(string Name, string Manifest, string Binding, EquatableList<DiagnosticInfo> Problems);

    private sealed record EntryModel(string FullName, bool Reloadable, DiagnosticInfo Location, EquatableList<DiagnosticInfo> Problems);

    private sealed record Facts(string Contract, string Version);
}
