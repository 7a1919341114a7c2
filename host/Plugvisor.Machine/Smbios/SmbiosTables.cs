using System.Buffers.Binary;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Boot;

namespace Plugvisor.Machine.Smbios;

/// <summary>
/// Puts the SMBIOS 3.2 tables (DMTF DSP0134) into guest RAM at <see cref="BootLayout.Smbios"/>, where guests look for them.
/// </summary>
public static class SmbiosTables
{
    private const int EntryPointLength = 24;
    private const int Room = 0x1_0000;      // up to 1 MiB
    private const byte Bios = 0, System = 1, Chassis = 3, OemStrings = 11, EndOfTable = 127;
    private const byte UnknownWakeUp = 2, UnknownState = 2, NoSecurity = 3, UnknownChassis = 2;
    private const ulong PciIsSupported = 1 << 7;
    private const byte IsVirtualMachine = 1 << 4;

    /// <summary>Writes the tables. Any one thread, before the guest runs.</summary>
    /// <returns>First address after them.</returns>
    /// <exception cref="BootException">The strings do not fit, are too many, or cannot be expressed.</exception>
    public static ulong Write(SmbiosOptions options, GuestMemory memory)
    {
        if (options.OemStrings.Count > byte.MaxValue)
            throw new BootException($"{options.OemStrings.Count} oem_strings: at most 255 are possible");

        // Leaves room for the MP table. Strings are few, so this is small on the whole.
        Span<byte> buffer = new byte[Measure(options)];
        ushort handle = 0;
        int at = WriteBios(buffer, EntryPointLength, ++handle);
        at = WriteSystem(buffer, at, ++handle, options);
        if (!string.IsNullOrEmpty(options.ChassisAssetTag)) at = WriteChassis(buffer, at, ++handle, options);
        if (options.OemStrings.Count > 0) at = WriteOemStrings(buffer, at, ++handle, options);
        at = new SmbiosStructure(buffer, at, EndOfTable, ++handle, 4).End();
        WriteEntryPoint(buffer, at - EntryPointLength);

        if (!memory.TryWrite(BootLayout.Smbios, buffer[..at])) throw new BootException("guest memory has no low memory for the SMBIOS tables");
        return BootLayout.Smbios + (ulong)at;
    }

    private static int Measure(SmbiosOptions options)
    {
        // UTF-8 takes at most 3 bytes for a char; the fixed parts take less than 512 in all.
        long chars = 512;
        chars += Length(options.SystemManufacturer) + Length(options.SystemProductName) + Length(options.SystemVersion) +
            Length(options.SystemSerialNumber) + Length(options.SystemSkuNumber) + Length(options.SystemFamily) +
            Length(options.ChassisAssetTag);
        for (int i = 0; i < options.OemStrings.Count; i++) chars += Length(options.OemStrings[i]) + 1;
        return (int)Math.Min(chars * 3, Room);
    }

    private static long Length(string? text) => text?.Length ?? 0;

    private static int WriteBios(Span<byte> buffer, int at, ushort handle)
    {
        var bios = new SmbiosStructure(buffer, at, Bios, handle, 20);
        bios.Add("cloud-hypervisor", "BIOS vendor", 4);
        bios.Add("0", "BIOS version", 5);
        BinaryPrimitives.WriteUInt64LittleEndian(bios.At(10), PciIsSupported);
        bios.At(19)[0] = IsVirtualMachine;
        return bios.End();
    }

    private static int WriteSystem(Span<byte> buffer, int at, ushort handle, SmbiosOptions options)
    {
        var system = new SmbiosStructure(buffer, at, System, handle, 27);
        string? manufacturer = options.SystemManufacturer, product = options.SystemProductName;
        system.Add(string.IsNullOrEmpty(manufacturer) ? "Cloud Hypervisor" : manufacturer, "system_manufacturer", 4);
        system.Add(string.IsNullOrEmpty(product) ? "cloud-hypervisor" : product, "system_product_name", 5);
        system.Add(options.SystemVersion, "system_version", 6);
        system.Add(options.SystemSerialNumber, "system_serial_number", 7);
        if (!string.IsNullOrEmpty(options.SystemUuid))
        {
            if (!Guid.TryParse(options.SystemUuid, out Guid uuid))
                throw new BootException($"the platform's system_uuid {options.SystemUuid} is not a UUID");
            // Its first three fields are little-endian (section 7.2.1), as a Guid writes them.
            uuid.TryWriteBytes(system.At(8));
        }

        system.At(24)[0] = UnknownWakeUp;
        system.Add(options.SystemSkuNumber, "system_sku_number", 25);
        system.Add(options.SystemFamily, "system_family", 26);
        return system.End();
    }

    private static int WriteChassis(Span<byte> buffer, int at, ushort handle, SmbiosOptions options)
    {
        var chassis = new SmbiosStructure(buffer, at, Chassis, handle, 21);
        chassis.At(5)[0] = UnknownChassis;
        chassis.Add(options.ChassisAssetTag, "chassis_asset_tag", 8);
        chassis.At(9)[0] = UnknownState;        // when it was last booted
        chassis.At(10)[0] = UnknownState;       // power supply
        chassis.At(11)[0] = UnknownState;       // thermal
        chassis.At(12)[0] = NoSecurity;
        return chassis.End();
    }

    private static int WriteOemStrings(Span<byte> buffer, int at, ushort handle, SmbiosOptions options)
    {
        var strings = new SmbiosStructure(buffer, at, OemStrings, handle, 5);
        byte count = 0;
        for (int i = 0; i < options.OemStrings.Count; i++) count = Math.Max(count, strings.Add(options.OemStrings[i], "oem_strings"));
        strings.At(4)[0] = count;
        return strings.End();
    }

    /// <summary>The 64-bit entry point (section 5.2.2).</summary>
    private static void WriteEntryPoint(Span<byte> entry, int tableLength)
    {
        "_SM3_"u8.CopyTo(entry);
        entry[6] = EntryPointLength;
        entry[7] = 3;
        entry[8] = 2;
        entry[10] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)tableLength);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], BootLayout.Smbios + EntryPointLength);
        byte sum = 0;
        foreach (byte b in entry[..EntryPointLength]) sum += b;
        entry[5] = (byte)-sum;
    }
}
