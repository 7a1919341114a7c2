using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioWatchdog;

/// <summary>The watchdog, as it stands in VmConfig's <c>watchdog</c> and on <c>--watchdog</c>: it is there or not.</summary>
[DeviceConfig("watchdog", Cardinality = DeviceCardinality.Flag, FixedId = "__watchdog", Slot = 1100, Iommu = false, Noun = "watchdog device",
    Help = "Resets the machine when the guest stops feeding the watchdog")]
internal sealed partial class Config;
