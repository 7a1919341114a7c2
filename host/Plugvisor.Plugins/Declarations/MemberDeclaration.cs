using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Declarations;

/// <summary>A member of a config, as its plugin declared it with <see cref="ConfigMemberAttribute"/>.</summary>
public sealed class MemberDeclaration
{
    /// <summary>Name in JSON.</summary>
    public required string Name { get; init; }

    /// <summary>What its value looks like.</summary>
    public required MemberType Type { get; init; }

    /// <summary>Key on the command line (for an object: put before its members' keys), or null where it has none.</summary>
    public string? Cli { get; init; }

    /// <summary>What the command line takes when the key is not given, or null for the member's default.</summary>
    public string? CliDefault { get; init; }

    /// <summary>Each value of the enum is a key of its own.</summary>
    public bool ValuesAreKeys { get; init; }

    /// <summary>JSON must give it.</summary>
    public bool IsRequired { get; init; }

    /// <summary>What it is when it is not given, as JSON text; null when it is then absent.</summary>
    public string? DefaultJson { get; init; }

    /// <summary>Not shown while it has its default.</summary>
    public bool IsOmittedByDefault { get; init; }

    /// <summary>Integers: what the type can hold. A value outside can not be read at all.</summary>
    public IntegerWidth Width { get; init; } = IntegerWidth.U64;

    /// <summary>Integers: least value that makes sense.</summary>
    public long Min { get; init; } = long.MinValue;

    /// <summary>Integers: greatest value that makes sense.</summary>
    public ulong Max { get; init; } = ulong.MaxValue;

    /// <summary>Error text for a value out of the range; <c>{0}</c> stands for the value.</summary>
    public string? RangeError { get; init; }

    /// <summary>Integers: a number of bytes; suffixes K, M, G on the command line.</summary>
    public bool IsByteSize { get; init; }

    /// <summary>Integers: must be a power of two up to this; 0 for no such rule.</summary>
    public int PowerOfTwoMax { get; init; }

    /// <summary>Integers: must be a multiple of this; 0 for no such rule.</summary>
    public long MultipleOf { get; init; }

    /// <summary>Numbers of queues: how many one vCPU may have; 0 for no such rule.</summary>
    public int QueuesPerVcpu { get; init; }

    /// <summary>Strings: greatest length in bytes; 0 for no limit.</summary>
    public int MaxLength { get; init; }

    /// <summary>Start of the sentence about a wrong value, or null for the name as words.</summary>
    public string? Label { get; init; }

    /// <summary>A path on the host.</summary>
    public bool IsPath { get; init; }

    /// <summary>File descriptors: numbers from an API socket's JSON are meaningless and dropped.</summary>
    public bool IsDescriptor { get; init; }

    /// <summary>Unit for help texts.</summary>
    public string? Unit { get; init; }

    /// <summary>One line for help texts.</summary>
    public string? Help { get; init; }

    /// <summary>Not shown in help texts.</summary>
    public bool IsHidden { get; init; }

    /// <summary>Values of an enum, in their order.</summary>
    public IReadOnlyList<ValueDeclaration> Values { get; init; } = [];

    /// <summary>The object, or an element of a tuple list.</summary>
    public ObjectDeclaration? Object { get; init; }
}
