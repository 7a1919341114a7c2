using System.Collections.Generic;
using Microsoft.CodeAnalysis;

namespace Plugvisor.Generators;

/// <summary>The arguments of one attribute.</summary>
internal readonly struct Settings
{
    private readonly Dictionary<string, object?> _named;

    public Settings(AttributeData attribute)
    {
        _named = [];
        foreach (var argument in attribute.NamedArguments) _named[argument.Key] = argument.Value.Value;
        First = attribute.ConstructorArguments.Length > 0 ? attribute.ConstructorArguments[0].Value as string ?? "" : "";
    }

    /// <summary>The constructor's argument.</summary>
    public string First { get; }

    public bool Has(string name) => _named.ContainsKey(name);

    public string? Text(string name) => _named.TryGetValue(name, out var value) ? value as string : null;

    public bool Flag(string name, bool fallback = false) => _named.TryGetValue(name, out var value) && value is bool flag ? flag : fallback;

    public long Number(string name, long fallback) => _named.TryGetValue(name, out var value) ? value switch
    {
        int number => number,
        long number => number,
        _ => fallback,
    } : fallback;

    public static Settings? Find(ISymbol symbol, string attribute)
    {
        foreach (var data in symbol.GetAttributes())
        {
            if (data.AttributeClass?.ToDisplayString() == attribute) return new(data);
        }

        return null;
    }
}
