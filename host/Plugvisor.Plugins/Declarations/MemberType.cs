namespace Plugvisor.Plugins.Declarations;

/// <summary>What a config member's value looks like.</summary>
public enum MemberType
{
    /// <summary>JSON string.</summary>
    String,

    /// <summary>JSON boolean; <c>on</c> and <c>off</c> on the command line.</summary>
    Toggle,

    /// <summary>JSON integer; perhaps a number of bytes.</summary>
    Integer,

    /// <summary>JSON string out of a list.</summary>
    Enum,

    /// <summary>JSON object; its members are keys of their own on the command line.</summary>
    Object,

    /// <summary>JSON array of strings.</summary>
    Strings,

    /// <summary>JSON array of integers.</summary>
    Integers,

    /// <summary>JSON array of objects with two members; <c>[a@b,...]</c> on the command line.</summary>
    Tuples,
}
