namespace Plugvisor.Linux.Files;

/// <summary>How <see cref="LinuxFile.Open"/> opens.</summary>
[Flags]
public enum FileOpen
{
    /// <summary>For reading.</summary>
    Read = 0,

    /// <summary>For reading and writing.</summary>
    Write = 1,

    /// <summary>Past the page cache (O_DIRECT): addresses, offsets and lengths must be aligned as <see cref="FileStatus"/> says.</summary>
    Direct = 2,

    /// <summary>Made, readable and writable for its owner only, when it is not there.</summary>
    Create = 4,
}
