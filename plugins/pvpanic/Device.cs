using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;

namespace Plugvisor.Plugins.Pvpanic;

/// <summary>
/// The device: one register. A read tells which events it takes, a write is one (docs/specs/pvpanic of QEMU). No state, so nothing to pause; what is saved
/// is a version, for a newer plugin that may have some.
/// </summary>
internal sealed class Device : IPciDevice, ISnapshottable
{
    private const ushort Vendor = 0x1b36, Product = 0x0011;
    private const uint SystemPeripheral = 0x088000;   // PCI Code and ID Assignment 1.9, section 1.9
    private const ulong Registers = 2;
    private const byte Panicked = 1 << 0, CrashLoaded = 1 << 1;

    // One object each, so that a guest that reports without end makes no garbage.
    private static readonly Dictionary<string, string> Panic = Properties("panic");
    private static readonly Dictionary<string, string> Crash = Properties("crash_loaded");
    private static readonly Dictionary<string, string> Unknown = Properties("unknown_event");

    private const byte StateVersion = 1;

    private readonly IMachineControl _machine;

    /// <summary>A device.</summary>
    /// <exception cref="DeviceException">The host has nobody to tell, or the saved state is of a version that is not known.</exception>
    public Device(DeviceRequest request, IDeviceHost host)
    {
        _machine = host.Service<IMachineControl>()
            ?? throw new DeviceException($"pvpanic device {request.Id}: this host takes no events of guests");
        if (request.SavedState is { IsEmpty: false, Span: var saved } && saved[0] != StateVersion)
            throw new DeviceException($"pvpanic device {request.Id}: its saved state has version {saved[0]}; this plugin knows version {StateVersion}");
    }

    /// <inheritdoc/>
    public PciTraits Traits { get; } = new()
    {
        VendorId = Vendor,
        DeviceId = Product,
        ClassCode = SystemPeripheral,
        Revision = 1,
        Bars = [new PciBarTraits(0, PciBarKind.Memory32, Registers)],
    };

    /// <inheritdoc/>
    public void Attach(IPciTransport transport) { }

    /// <inheritdoc/>
    public void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        destination.Clear();
        if (offset == 0) destination[0] = Panicked | CrashLoaded;
    }

    /// <inheritdoc/>
    public void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        if (offset != 0) return;
        _machine.ReportGuestEvent("panic", source[0] switch
        {
            Panicked => Panic,
            CrashLoaded => Crash,
            _ => Unknown,
        });
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save() => new byte[] { StateVersion };

    /// <inheritdoc/>
    public void Dispose() { }

    private static Dictionary<string, string> Properties(string what) => new() { ["event"] = what };
}
