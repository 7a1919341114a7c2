namespace Plugvisor.Linux.Files;

/// <summary>Modes of fallocate(2), as their FALLOC_FL_ bits.</summary>
[Flags]
public enum FileAllocation
{
    /// <summary>Allocates the range, and extends the file when it ends before it.</summary>
    Allocate = 0,

    /// <summary>Leaves the file's size alone.</summary>
    KeepSize = 1,

    /// <summary>Frees the range, which then reads as zeros; with <see cref="KeepSize"/> only.</summary>
    PunchHole = 2,

    /// <summary>Makes the range read as zeros and keeps it allocated.</summary>
    ZeroRange = 0x10,
}
