namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// Declares a member of a config. Its type follows from the property:
/// <c>string</c>; <c>bool</c> is a toggle; an integer type bounds the value; an enum has its spellings from
/// <see cref="ConfigValueAttribute"/>; <c>IReadOnlyList</c> of integers or strings is a list; a class with
/// <see cref="ConfigObjectAttribute"/> is an object, flattened on the command line; an <c>IReadOnlyList</c> of such classes with two
/// members is a list of tuples (<c>[0@[1,2]]</c>). A nullable property without an initializer may be absent; a <c>required</c>
/// property must be given; any other has its initializer (which must be a constant) or the type's zero value as default.
/// </summary>
/// <param name="name">The name in JSON.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ConfigMemberAttribute(string name) : Attribute
{
    /// <summary>The name in JSON.</summary>
    public string Name { get; } = name;

    /// <summary>The key on the command line, when it is another. For an object: put before the keys of its members (<c>bw_</c>).</summary>
    public string? Cli { get; set; }

    /// <summary>The member has no key on the command line.</summary>
    public bool NoCli { get; set; }

    /// <summary>
    /// What the command line takes when the key is not given, spelled as there; for a member that JSON must give or may leave out. By default
    /// the member's own default.
    /// </summary>
    public string? CliDefault { get; set; }

    /// <summary>
    /// Only for enums: each value is a key of its own (<c>--console pty</c>, <c>--console file=P</c>) in place of
    /// <c>name=value</c>. The first in the enum's order that is given wins.
    /// </summary>
    public bool ValuesAreKeys { get; set; }

    /// <summary>Only for integers: a number of bytes, on the command line with an optional suffix K, M or G.</summary>
    public bool ByteSize { get; set; }

    /// <summary>Least allowed value; the type's when not given.</summary>
    public long Min { get; set; } = long.MinValue;

    /// <summary>Greatest allowed value; the type's when not given.</summary>
    public long Max { get; set; } = long.MaxValue;

    /// <summary>
    /// Text of the error about a value out of <see cref="Min"/> and <see cref="Max"/>. In it and the other texts
    /// <c>{0}</c> stands for the value.
    /// </summary>
    public string? RangeError { get; set; }

    /// <summary>Only for integers and lists of them: each must be a power of two, and at most <see cref="PowerOfTwoMax"/>.</summary>
    public bool PowerOfTwo { get; set; }

    /// <summary>Greatest allowed power of two; a virtio queue's limit by default. Named in the error text.</summary>
    public int PowerOfTwoMax { get; set; } = 32768;

    /// <summary>The value must be a multiple of this; 0 for no such rule.</summary>
    public long MultipleOf { get; set; }

    /// <summary>Only for strings: the longest allowed value in bytes of UTF-8; 0 for no limit.</summary>
    public int MaxLength { get; set; }

    /// <summary>
    /// Start of the sentence about a wrong value (<c>Block device serial</c>, <c>Queue size</c>); by default the name as words.
    /// </summary>
    public string? Label { get; set; }

    /// <summary>
    /// For numbers of queues: how many of them one vCPU may have (1 for disks, 2 for a pair of network queues), 0 for no such
    /// rule. The number divided by this must not exceed the VM's boot vCPUs.
    /// </summary>
    public int QueuesPerVcpu { get; set; }

    /// <summary>The value is a path on the host: shells complete it.</summary>
    public bool IsPath { get; set; }

    /// <summary>The value is a file descriptor or a list of them; numbers that come through an API socket are dropped.</summary>
    public bool IsDescriptor { get; set; }

    /// <summary>Unit for help texts and the schema (<c>ms</c>); bytes for <see cref="ByteSize"/>.</summary>
    public string? Unit { get; set; }

    /// <summary>One line for <c>--help</c> and the schema.</summary>
    public string? Help { get; set; }

    /// <summary>Accepted but not shown in <c>--help</c>.</summary>
    public bool Hidden { get; set; }
}
