using System.Collections.Generic;
using Microsoft.CodeAnalysis;

namespace Plugvisor.Generators;

/// <summary>What a value looks like; the names are those of the manifest.</summary>
internal enum MemberKind
{
    String,
    Toggle,
    Integer,
    Enum,
    Object,
    Strings,
    Integers,
    Tuples,
}

/// <summary>One value of an enum member.</summary>
internal sealed class MemberValue
{
    public string Field = "";
    public string Name = "";
    public string? Cli;
    public string? Into;
    public string? Help;
}

/// <summary>A declared member, while its class is read; never cached.</summary>
internal sealed class Member
{
    public ISymbol Symbol = null!;
    public string Property = "";
    public string Name = "";
    public MemberKind Kind;
    public string? Cli;
    public string? CliDefault;
    public bool ValuesAreKeys;
    public bool ByteSize;

    /// <summary>Integers: <c>u16</c>, <c>i64</c> and so on.</summary>
    public string Width = "";
    public long Min;
    public ulong Max;

    /// <summary>What the C# type can hold.</summary>
    public long TypeMin;
    public ulong TypeMax;

    /// <summary>Full name of the C# type; of the element for a list.</summary>
    public string Type = "";
    public bool Nullable;
    public bool Required;
    public string? Default;
    public decimal? DefaultNumber;
    public List<MemberValue> Values = [];
    public ConfigShape? Object;

    public string? RangeError;
    public bool PowerOfTwo;
    public int PowerOfTwoMax;
    public long MultipleOf;
    public int MaxLength;
    public string? Label;
    public int QueuesPerVcpu;
    public bool NoCli;
    public bool IsPath;
    public bool IsDescriptor;
    public string? Unit;
    public string? Help;
    public bool Hidden;
}

/// <summary>The members of a config class and what holds for the whole.</summary>
internal sealed class ConfigShape
{
    public string FullName = "";
    public List<Member> Members = [];
    public bool RejectUnknown;
    public bool ShowNulls;
    public string? PresentWhen;

    /// <summary>The schema that was generated with an object of another assembly, whose defaults can not be seen from here.</summary>
    public string? Schema;
}
