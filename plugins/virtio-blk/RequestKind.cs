namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>Kinds of requests that reach an engine.</summary>
internal enum RequestKind : byte
{
    Read,
    Write,
    Flush,
    Discard,
    WriteZeroes,

    /// <summary>A flush of the device's own, with no chain behind it.</summary>
    InternalFlush,
}
