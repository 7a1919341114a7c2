namespace Plugvisor.Linux.Files;

/// <summary>What a descriptor refers to.</summary>
public enum FileKind
{
    /// <summary>Something else: a pipe, socket, directory or character device.</summary>
    Other,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A block device.</summary>
    BlockDevice,
}
