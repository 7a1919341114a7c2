namespace Plugvisor.Plugins.VirtioNet.Ports;

/// <summary>The host's ends of a device, and what is known of them.</summary>
/// <param name="Ports">One for each pair of queues.</param>
/// <param name="Name">The interface, for the log.</param>
/// <param name="Mtu">Its MTU in bytes, or null where it cannot be known.</param>
internal sealed record PortSet(IReadOnlyList<IPort> Ports, string Name, int? Mtu);
