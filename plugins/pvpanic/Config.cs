using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Pvpanic;

/// <summary>The panic notifier, as it stands in VmConfig's <c>pvpanic</c> and on <c>--pvpanic</c>: it is there or not.</summary>
[DeviceConfig("pvpanic", Cardinality = DeviceCardinality.Flag, FixedId = "__pvpanic", Slot = 1800, Iommu = false, Noun = "pvpanic device",
    Help = "Lets the guest tell of its panics")]
internal sealed partial class Config;
