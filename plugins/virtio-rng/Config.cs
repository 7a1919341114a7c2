using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioRng;

/// <summary>The entropy device, as it stands in VmConfig's <c>rng</c> and on <c>--rng</c>.</summary>
[DeviceConfig("rng", Cardinality = DeviceCardinality.Single, FixedId = "__rng", Slot = 400, DefaultDevice = "src=/dev/urandom",
    Noun = "entropy device", Help = "Gives the guest random bytes", Example = "src=/dev/urandom")]
internal sealed partial class Config
{
    /// <summary>Where the bytes come from.</summary>
    [ConfigMember("src", IsPath = true, CliDefault = "/dev/urandom", Help = "File or device to read random bytes from")]
    public required string Source { get; init; }
}
