using System.Runtime.CompilerServices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Memory;

namespace Plugvisor.Testing.Memory;

/// <summary>
/// Guest RAM without a VM: zeroed memory at the guest addresses that a test chooses, and a simple allocator for rings and
/// buffers. Memory that is not touched costs nothing, so regions of several GiB are fine. One thread allocates; any thread
/// may read and write.
/// </summary>
public sealed unsafe class GuestMemoryMock : IDisposable
{
    private const ulong FirstAllocation = 0x1000;   // leaves address 0 unused, so that a forgotten address shows

    private readonly MemoryMapping[] _mappings;
    private readonly MemFd?[] _files;
    private readonly GuestRegion _heap;
    private ulong _next;

    /// <summary>One region of 64 MiB at address 0.</summary>
    public GuestMemoryMock() : this(new MockRegion(0, 64 << 20)) { }

    /// <summary>The given regions; allocations come from the first.</summary>
    public GuestMemoryMock(params ReadOnlySpan<MockRegion> regions) : this(false, regions) { }

    private GuestMemoryMock(bool shareable, ReadOnlySpan<MockRegion> regions)
    {
        _mappings = new MemoryMapping[regions.Length];
        _files = new MemFd?[regions.Length];
        var mapped = new GuestRegion[regions.Length];
        for (int i = 0; i < regions.Length; i++)
        {
            MemFd? file = _files[i] = shareable ? MemFd.Create("mock-guest-ram", regions[i].Length) : null;
            int flags = MemoryMapping.NoReserve | (shareable ? MemoryMapping.Shared : MemoryMapping.Private | MemoryMapping.Anonymous);
            _mappings[i] = MemoryMapping.Map((nuint)regions[i].Length, MemoryMapping.ReadWrite, flags, file?.Descriptor ?? -1, 0, "mock guest RAM");
            mapped[i] = new GuestRegion(regions[i].Address, (nuint)regions[i].Length, _mappings[i].Address, file?.Descriptor ?? -1);
        }

        Memory = new GuestMemory(mapped);
        _heap = mapped[0];
        _next = _heap.GuestAddress + FirstAllocation;
    }

    /// <summary>As the constructor, but another process, or another part of this one, can map it too: for vhost-user devices.</summary>
    public static GuestMemoryMock Shareable(params ReadOnlySpan<MockRegion> regions) => new(true, regions);

    /// <summary>What the device sees.</summary>
    public GuestMemory Memory { get; }

    /// <summary>Takes memory from the first region; it is never given back.</summary>
    /// <param name="bytes">Size.</param>
    /// <param name="alignment">A power of two.</param>
    /// <returns>The guest address.</returns>
    public ulong Allocate(int bytes, int alignment = 16)
    {
        ulong address = (_next + (ulong)alignment - 1) & ~((ulong)alignment - 1);
        if (address + (ulong)bytes > _heap.EndAddress) throw new InvalidOperationException("the mock's RAM is used up");
        _next = address + (ulong)bytes;
        return address;
    }

    /// <summary>The bytes at a guest address, as the guest would use them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not RAM.</exception>
    public Span<byte> Bytes(ulong address, int length) => new(Pointer(address, length), length);

    /// <summary>Where a guest address is in this process.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not RAM.</exception>
    public byte* Pointer(ulong address, int length)
    {
        // SAFETY: the mapping lives until Dispose, and the range was checked.
        if (Memory.TryTranslate(address, (nuint)length, out byte* pointer)) return pointer;
        throw new ArgumentOutOfRangeException(nameof(address), $"0x{address:x} is not mock RAM");
    }

    /// <summary>Reads a value at a guest address.</summary>
    public T Read<T>(ulong address) where T : unmanaged => Unsafe.ReadUnaligned<T>(Pointer(address, sizeof(T)));

    /// <summary>Writes a value at a guest address.</summary>
    public void Write<T>(ulong address, T value) where T : unmanaged => Unsafe.WriteUnaligned(Pointer(address, sizeof(T)), value);

    /// <summary>Unmaps the RAM; no device may use it any more.</summary>
    public void Dispose()
    {
        foreach (MemoryMapping mapping in _mappings) mapping.Dispose();
        foreach (MemFd? file in _files) file?.Dispose();
    }
}
