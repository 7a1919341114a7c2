using System.Runtime.InteropServices;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>A discard or write-zeroes range, checked.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct BlockRange(ulong Sector, uint Sectors, uint Flags);
