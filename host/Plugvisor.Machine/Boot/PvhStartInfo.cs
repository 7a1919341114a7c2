using System.Buffers.Binary;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Boot;

/// <summary>
/// What a PVH guest is told: start info version 1, module list and memory map. Source: Xen,
/// xen/include/public/arch-x86/hvm/start_info.h.
/// </summary>
internal static class PvhStartInfo
{
    private const uint Magic = 0x336EC578;
    private const uint StructureVersion = 1;
    private const int InfoLength = 56, ModuleLength = 32, MapEntryLength = 24, MaxMapEntries = 8;

    /// <summary>Writes all three.</summary>
    /// <param name="memory">Guest RAM.</param>
    /// <param name="map">The memory map.</param>
    /// <param name="commandLine">Address of the command line, or 0.</param>
    /// <param name="module">Where the initramfs lies; empty for none.</param>
    /// <returns>False when low memory is missing.</returns>
    public static bool TryWrite(GuestMemory memory, MemoryMap map, ulong commandLine, AddressRange module)
    {
        E820Entry[] entries = map.E820Entries;
        Span<byte> table = stackalloc byte[MaxMapEntries * MapEntryLength];
        table = table[..(entries.Length * MapEntryLength)];
        table.Clear();
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> entry = table.Slice(i * MapEntryLength, MapEntryLength);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, entries[i].Range.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], entries[i].Range.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], (uint)entries[i].Type);
        }

        Span<byte> modules = stackalloc byte[ModuleLength];
        modules.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(modules, module.Start);
        BinaryPrimitives.WriteUInt64LittleEndian(modules[8..], module.Length);

        Span<byte> info = stackalloc byte[InfoLength];
        info.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(info, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(info[4..], StructureVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(info[12..], module.IsEmpty ? 0u : 1u);
        BinaryPrimitives.WriteUInt64LittleEndian(info[16..], module.IsEmpty ? 0 : BootLayout.ModuleList);
        BinaryPrimitives.WriteUInt64LittleEndian(info[24..], commandLine);
        BinaryPrimitives.WriteUInt64LittleEndian(info[32..], BootLayout.Rsdp);
        BinaryPrimitives.WriteUInt64LittleEndian(info[40..], BootLayout.MemoryMapOrZeroPage);
        BinaryPrimitives.WriteUInt32LittleEndian(info[48..], (uint)entries.Length);

        return memory.TryWrite(BootLayout.MemoryMapOrZeroPage, table) &&
            memory.TryWrite(BootLayout.ModuleList, modules) &&
            memory.TryWrite(BootLayout.StartInfo, info);
    }
}
