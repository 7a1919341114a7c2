using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Declarations;

/// <summary>An object of a config, as declared with <see cref="ConfigObjectAttribute"/>.</summary>
public sealed class ObjectDeclaration
{
    /// <summary>The members in their order.</summary>
    public required IReadOnlyList<MemberDeclaration> Members { get; init; }

    /// <summary>Rules between the members.</summary>
    public IReadOnlyList<RuleDeclaration> Rules { get; init; } = [];

    /// <summary>An unknown member is an error.</summary>
    public bool RejectsUnknown { get; init; }

    /// <summary>Absent members are shown as null.</summary>
    public bool ShowsNulls { get; init; }

    /// <summary>On the command line the object exists only when each of these members is given and not zero.</summary>
    public IReadOnlyList<string> PresentWhen { get; init; } = [];

    /// <summary>Reads the JSON that the generator wrote for a class (its <c>SchemaJson</c>).</summary>
    /// <exception cref="FormatException">It is not such JSON.</exception>
    public static ObjectDeclaration Parse(string json) => DeclarationReader.ReadObject(System.Text.Encoding.UTF8.GetBytes(json));

    /// <summary>The member of a JSON name, or null.</summary>
    public MemberDeclaration? Find(string name)
    {
        foreach (var member in Members)
        {
            if (member.Name == name) return member;
        }

        return null;
    }
}
