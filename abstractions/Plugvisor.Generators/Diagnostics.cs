using Microsoft.CodeAnalysis;

namespace Plugvisor.Generators;

/// <summary>What the generator can complain about. Each is an error: a declaration that is wrong must not ship.</summary>
internal static class Diagnostics
{
    private const string Category = "Plugvisor.Declaration";

    public static readonly DiagnosticDescriptor Pairing = new(
        "PLUG001", "A plugin has one entry and one config", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor Entry = new(
        "PLUG002", "The entry class can not be created", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor ConfigClass = new(
        "PLUG003", "The config class can not be completed", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor MemberType = new(
        "PLUG004", "The property can not be a config member", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor Default = new(
        "PLUG005", "The default is not usable", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor Duplicate = new(
        "PLUG006", "A name is taken", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor Name = new(
        "PLUG007", "A name is malformed", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor Setting = new(
        "PLUG008", "A setting does not fit", "{0}", Category, DiagnosticSeverity.Error, true);

    public static readonly DiagnosticDescriptor Reference = new(
        "PLUG009", "A name refers to nothing", "{0}", Category, DiagnosticSeverity.Error, true);

    private static readonly DiagnosticDescriptor[] All =
        [Pairing, Entry, ConfigClass, MemberType, Default, Duplicate, Name, Setting, Reference];

    public static DiagnosticDescriptor Find(string id)
    {
        foreach (var descriptor in All)
        {
            if (descriptor.Id == id) return descriptor;
        }

        return Setting;
    }
}
