using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Plugvisor.Abstractions.Memory;

/// <summary>
/// Guest RAM as the VMM sees it. Any thread may translate and copy at any time; the set of regions is an immutable array
/// that is replaced as a whole, so a reader sees either the old or the new set.
/// Every address comes from the guest and is checked here: nothing outside a region is ever touched.
/// </summary>
[SuppressMessage("Design", "CA1002", Justification = "No lists are exposed")]
public sealed unsafe class GuestMemory
{
    private GuestRegion[] _regions;

    /// <summary>Makes a view of the given regions.</summary>
    /// <exception cref="ArgumentException">A region is empty, wraps the address space, or overlaps another.</exception>
    public GuestMemory(GuestRegion[] regions) => _regions = Checked((GuestRegion[])regions.Clone());

    /// <inheritdoc cref="GuestMemory(GuestRegion[])"/>
    public GuestMemory(params ReadOnlySpan<GuestRegion> regions)
    {
        var copy = new GuestRegion[regions.Length];
        for (int i = 0; i < copy.Length; i++) copy[i] = regions[i];
        _regions = Checked(copy);
    }

    /// <summary>The regions, ascending by guest address. A snapshot: it does not change under the caller.</summary>
    public ReadOnlySpan<GuestRegion> Regions => Volatile.Read(ref _regions);

    /// <summary>Adds a region (memory hot-plug). Host only, from the control loop.</summary>
    public void Add(in GuestRegion region)
    {
        GuestRegion[] now = Volatile.Read(ref _regions);
        var next = new GuestRegion[now.Length + 1];
        Array.Copy(now, next, now.Length);
        next[^1] = region;
        Volatile.Write(ref _regions, Checked(next));
    }

    /// <summary>
    /// Translates a guest range to host memory. The whole range must lie in one region.
    /// </summary>
    /// <param name="address">Guest-physical address, untrusted.</param>
    /// <param name="length">Bytes; 0 succeeds when <paramref name="address"/> is inside a region.</param>
    /// <param name="pointer">Host address of the first byte; valid as long as the VM lives.</param>
    /// <returns>False when any byte of the range is not RAM.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTranslate(ulong address, nuint length, out byte* pointer)
    {
        // Plain array loops here and below: spans of our own structs would be compiled at run time, when the VM starts.
        GuestRegion[] regions = Volatile.Read(ref _regions);
        for (int i = 0; i < regions.Length; i++)
        {
            ref readonly GuestRegion region = ref regions[i];
            ulong offset = address - region.GuestAddress;   // wraps to a huge value below the region
            if (offset < region.Length && length <= region.Length - (nuint)offset)
            {
                // SAFETY: offset + length <= region.Length was checked without overflow just above.
                pointer = (byte*)region.HostAddress + offset;
                return true;
            }
        }

        pointer = null;
        return false;
    }

    /// <summary>Copies from guest RAM. The range must lie in one region. The guest may change the bytes meanwhile.</summary>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        if (!TryTranslate(address, (nuint)destination.Length, out byte* source)) return false;
        // SAFETY: TryTranslate checked the whole range.
        new ReadOnlySpan<byte>(source, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Copies into guest RAM. The range must lie in one region; nothing is written when it does not.</summary>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (!TryTranslate(address, (nuint)source.Length, out byte* destination)) return false;
        // SAFETY: TryTranslate checked the whole range.
        source.CopyTo(new Span<byte>(destination, source.Length));
        return true;
    }

    private static GuestRegion[] Checked(GuestRegion[] regions)
    {
        for (int i = 1; i < regions.Length; i++)   // insertion sort: there are a handful, mostly in order
        {
            for (int j = i; j > 0 && regions[j].GuestAddress < regions[j - 1].GuestAddress; j--)
                (regions[j], regions[j - 1]) = (regions[j - 1], regions[j]);
        }

        for (int i = 0; i < regions.Length; i++)
        {
            GuestRegion region = regions[i];
            if (region.Length == 0 || region.EndAddress < region.GuestAddress)
                throw new ArgumentException($"guest region at 0x{region.GuestAddress:x} is empty or wraps", nameof(regions));
            if (i > 0 && regions[i - 1].EndAddress > region.GuestAddress)
                throw new ArgumentException($"guest region at 0x{region.GuestAddress:x} overlaps the one before it", nameof(regions));
        }

        return regions;
    }
}
