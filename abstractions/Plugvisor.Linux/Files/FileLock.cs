namespace Plugvisor.Linux.Files;

/// <summary>Kinds of an open-file-description lock.</summary>
public enum FileLock
{
    /// <summary>Shared: excludes writers.</summary>
    Read,

    /// <summary>Exclusive.</summary>
    Write,
}
