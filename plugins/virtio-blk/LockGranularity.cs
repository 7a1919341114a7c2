using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>What the advisory lock on an image covers.</summary>
internal enum LockGranularity
{
    [ConfigValue("ByteRange", Cli = "byte-range", Help = "The bytes that the image has now")] ByteRange,
    [ConfigValue("Full", Cli = "full", Help = "The whole file, however much it grows")] Full,
}
