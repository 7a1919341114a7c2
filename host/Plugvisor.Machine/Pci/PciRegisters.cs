namespace Plugvisor.Machine.Pci;

/// <summary>Offsets and bits of configuration space (PCI Local Bus 3.0 section 6.1 and 6.2).</summary>
internal static class PciRegisters
{
    public const int VendorId = 0x00;
    public const int DeviceId = 0x02;
    public const int Command = 0x04;
    public const int Status = 0x06;
    public const int Revision = 0x08;
    public const int ClassCode = 0x09;
    public const int CacheLineSize = 0x0c;
    public const int HeaderType = 0x0e;
    public const int Bar0 = 0x10;
    public const int BarsEnd = 0x28;
    public const int SubsystemVendorId = 0x2c;
    public const int SubsystemId = 0x2e;
    public const int CapabilityPointer = 0x34;
    public const int InterruptLine = 0x3c;

    public const int FirstCapability = 0x40;
    public const int ConventionalEnd = 0x100;

    public const ushort CommandIo = 1 << 0;
    public const ushort CommandMemory = 1 << 1;
    public const ushort CommandBusMaster = 1 << 2;
    public const ushort CommandInterruptDisable = 1 << 10;
    public const ushort StatusCapabilities = 1 << 4;

    public const byte CapabilityVendor = 0x09;
    public const byte CapabilityMsix = 0x11;
    public const byte CapabilityAdvancedFeatures = 0x13;
}
