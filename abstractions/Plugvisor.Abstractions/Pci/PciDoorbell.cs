using System.Runtime.InteropServices;

namespace Plugvisor.Abstractions.Pci;

/// <summary>A register that wakes somebody when it is written.</summary>
/// <param name="Bar">Index of a BAR that the device declares, memory.</param>
/// <param name="Offset">Offset in the BAR. A write of any width that starts just here rings it.</param>
/// <param name="Event">What is signalled: an <c>EventFd</c> of Plugvisor.Linux. It stays the device's.</param>
public sealed record PciDoorbell(int Bar, ulong Offset, SafeHandle Event);
