using System.Text.Json;

namespace Plugvisor.Configuration;

/// <summary>One device of a VM: its kind and its configuration, checked against the kind's declaration.</summary>
/// <param name="Kind">The device kind, such as <c>disk</c>.</param>
/// <param name="Id">Its id, given or generated.</param>
/// <param name="Slot">The PCI slot that was asked for, or null.</param>
/// <param name="Config">Its configuration with defaults filled in.</param>
public sealed record DeviceSpec(string Kind, string Id, int? Slot, JsonElement Config);
