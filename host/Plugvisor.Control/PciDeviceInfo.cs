namespace Plugvisor.Control;

/// <summary>Where a device came to lie that was added to a running VM.</summary>
/// <param name="Id">Its id, given or generated.</param>
/// <param name="Bdf">Its PCI address: <c>0000:00:05.0</c>.</param>
public sealed record PciDeviceInfo(string Id, string Bdf);
