using System.Collections.Generic;
using System.Threading;
using Microsoft.CodeAnalysis;

namespace Plugvisor.Generators;

/// <summary>Reads a config class: its members, and the names that its settings refer to.</summary>
internal sealed class ShapeReader(Compilation compilation, List<DiagnosticInfo> problems, CancellationToken cancellation)
{
    private readonly HashSet<ISymbol> _open = new(SymbolEqualityComparer.Default);

    public ConfigShape Read(INamedTypeSymbol type)
    {
        _open.Add(type);
        var shape = new ConfigShape { FullName = type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) };
        var reader = new MemberReader(compilation, problems, cancellation);
        foreach (var symbol in type.GetMembers())
        {
            if (symbol is IPropertySymbol property && Settings.Find(property, Names.ConfigMember) is { } settings &&
                reader.Read(property, settings, ReadObject) is { } member)
                shape.Members.Add(member);
        }

        if (Settings.Find(type, Names.ConfigObject) is { } own)
        {
            shape.RejectUnknown = own.Flag("RejectUnknown");
            shape.ShowNulls = own.Flag("ShowNulls");
            shape.PresentWhen = own.Text("PresentWhen");
            foreach (var name in Split(shape.PresentWhen)) RequireMember(shape, name, type, "PresentWhen");
        }

        CheckNames(shape, type);
        _open.Remove(type);
        return shape;
    }

    public static string[] Split(string? names) => names is null ? [] : names.Split(',');

    private ConfigShape? ReadObject(INamedTypeSymbol type)
    {
        if (Settings.Find(type, Names.ConfigObject) is null) return null;
        if (_open.Contains(type))
        {
            problems.Add(DiagnosticInfo.At(Diagnostics.MemberType, type, $"'{type.Name}' contains itself"));
            return null;
        }

        if (SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, compilation.Assembly))
        {
            // Its own pass reports what is wrong with it.
            var shape = new ShapeReader(compilation, [], cancellation);
            foreach (var open in _open) shape._open.Add(open);
            return shape.Read(type);
        }

        var foreign = new ShapeReader(compilation, [], cancellation).Read(type);
        foreign.Schema = Settings.Find(type, Names.ConfigSchema)?.First;
        if (foreign.Schema is null)
            problems.Add(DiagnosticInfo.At(Diagnostics.MemberType, null, $"'{type.Name}' comes from an assembly that was built without the generator"));
        return foreign;
    }

    private void CheckNames(ConfigShape shape, INamedTypeSymbol type)
    {
        var names = new HashSet<string>();
        foreach (var member in shape.Members)
        {
            if (!names.Add(member.Name))
                problems.Add(DiagnosticInfo.At(Diagnostics.Duplicate, member.Symbol, $"Two members of '{type.Name}' are called '{member.Name}' in JSON"));
            var values = new HashSet<string>();
            foreach (var value in member.Values)
            {
                if (value.Into is not null) RequireMember(shape, value.Into, member.Symbol, "ValueInto");
                if (!values.Add(value.Name))
                    problems.Add(DiagnosticInfo.At(Diagnostics.Duplicate, member.Symbol, $"Two values of '{member.Property}' are called '{value.Name}'"));
            }
        }
    }

    private void RequireMember(ConfigShape shape, string name, ISymbol at, string setting)
    {
        if (!shape.Members.Exists(member => member.Name == name))
            problems.Add(DiagnosticInfo.At(Diagnostics.Reference, at, $"{setting} names '{name}', which is no member of '{at.Name}'"));
    }
}
