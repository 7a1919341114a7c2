using System.Diagnostics;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Memory;

public sealed unsafe class GuestRamTests
{
    private const ulong MiB = 1 << 20, GiB = 1 << 30;

    [Fact]
    public void Memory_is_zero_writable_and_cut_at_the_hole()
    {
        using GuestRam ram = GuestRam.Allocate(new MemoryMap(4 * GiB, 40), new GuestRamOptions());

        Assert.Equal(2, ram.Memory.Regions.Length);
        Assert.Equal(2, ram.Slots.Length);
        MemorySlot high = ram.Slots[1];
        Assert.Equal((1u, 4 * GiB, GiB), (high.Index, high.GuestAddress, high.Length));
        Assert.Equal(ram.Memory.Regions[1].HostAddress, high.HostAddress);
        Assert.Equal(3 * GiB, ram.Memory.Regions[1].BackingOffset);

        Span<byte> bytes = stackalloc byte[8];
        Assert.True(ram.Memory.TryRead((4 * GiB) - 0 + GiB - 8, bytes));
        Assert.True(bytes.SequenceEqual(new byte[8]));
        Assert.True(ram.Memory.TryWrite(4 * GiB, "high"u8));
        Assert.True(ram.Memory.TryWrite((3 * GiB) - 3, "low"u8));
        Assert.False(ram.Memory.TryWrite((3 * GiB) - 2, "low"u8));
        Assert.False(ram.Memory.TryWrite((4 * GiB) - 1, "low"u8));
        Assert.False(ram.Memory.TryWrite(5 * GiB, "h"u8));
    }

    [Fact]
    public void The_descriptor_gives_the_same_pages_to_others()
    {
        using GuestRam ram = GuestRam.Allocate(new MemoryMap(8 * MiB, 40), new GuestRamOptions());
        GuestRegion region = ram.Memory.Regions[0];
        Assert.True(ram.IsShareable);
        Assert.True(ram.Memory.TryWrite(MiB, "seen"u8));

        using FileStream other = File.OpenRead($"/proc/self/fd/{region.BackingFd}");
        var bytes = new byte[4];
        other.Position = (long)(region.BackingOffset + MiB);
        other.ReadExactly(bytes);

        Assert.Equal("seen"u8, bytes);
        Assert.Throws<UnauthorizedAccessException>(() =>
        {
            // Sealed: a back end that gets the descriptor cannot take pages from under the guest.
            using FileStream writer = new($"/proc/self/fd/{region.BackingFd}", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            writer.SetLength(4096);
        });
    }

    [Fact]
    public void Hostile_35_who_has_the_descriptor_cannot_forbid_others_to_use_it()
    {
        using GuestRam ram = GuestRam.Allocate(new MemoryMap(8 * MiB, 40), new GuestRamOptions());
        // F_ADD_SEALS (1033) with F_SEAL_FUTURE_WRITE (16): nobody could map it for writing from then on, or make a hole in it.
        string script = $"import fcntl;fcntl.fcntl(open('/proc/{Environment.ProcessId}/fd/{ram.Memory.Regions[0].BackingFd}','r+'),1033,16)";
        using Process process = Process.Start(new ProcessStartInfo("python3", ["-c", script]) { RedirectStandardError = true })!;
        Assert.Contains("PermissionError", process.StandardError.ReadToEnd(), StringComparison.Ordinal);
        process.WaitForExit();
        Assert.True(ram.Release(0, MiB));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_released_reads_zeroes(bool isPrivate)
    {
        using GuestRam ram = GuestRam.Allocate(new MemoryMap(4 * GiB, 40), new GuestRamOptions(Mergeable: isPrivate, TransparentHugePages: false));
        Assert.Equal(isPrivate, !ram.IsShareable);
        byte[] data = new byte[MiB];
        data.AsSpan().Fill(0xa5);
        foreach (ulong at in new[] { MiB, 4 * GiB })
        {
            Assert.True(ram.Memory.TryWrite(at, data));
            // Not a whole page at either end: those are kept.
            Assert.True(ram.Release(at + 100, MiB - 200));
            Assert.True(ram.Memory.TryRead(at, data));
            Assert.Equal(4096, data.AsSpan().IndexOfAnyExcept((byte)0xa5));
            Assert.Equal((int)MiB - 4096 - 1, data.AsSpan().LastIndexOf((byte)0));
            Assert.False(data.AsSpan(4096, (int)MiB - 8192).ContainsAnyExcept((byte)0));
            data.AsSpan().Fill(0xa5);
        }

        Assert.True(ram.Release(MiB + 1, 4096));         // no whole page
        Assert.True(ram.Release((3 * GiB) - 4096, 4096));
        Assert.False(ram.Release((3 * GiB) - 4096, 8192));   // into the hole
        Assert.False(ram.Release(3 * GiB, 4096));
        Assert.False(ram.Release(5 * GiB, 4096));
        Assert.False(ram.Release(4 * GiB, ulong.MaxValue));
        Assert.False(ram.Release(ulong.MaxValue, 4096));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Mergeable_and_reserved_memory_is_private(bool mergeable, bool reserve)
    {
        using GuestRam ram = GuestRam.Allocate(
            new MemoryMap(8 * MiB, 40), new GuestRamOptions(Mergeable: mergeable, Reserve: reserve));

        Assert.False(ram.IsShareable);
        Assert.Equal(-1, ram.Memory.Regions[0].BackingFd);
        Assert.True(ram.Memory.TryWrite(0, "x"u8));
    }

    [Fact]
    public void Host_addresses_allow_huge_pages()
    {
        using GuestRam ram = GuestRam.Allocate(new MemoryMap((3 * GiB) + (6 * MiB), 40), new GuestRamOptions());

        foreach (GuestRegion region in ram.Memory.Regions)
            Assert.Equal(region.GuestAddress % (2 * MiB), (ulong)region.HostAddress % (2 * MiB));
    }

    [Fact]
    public void Idle_memory_costs_nothing_and_prefault_allocates_all()
    {
        using GuestRam idle = GuestRam.Allocate(new MemoryMap(64 * MiB, 40), new GuestRamOptions());
        using GuestRam ready = GuestRam.Allocate(new MemoryMap(64 * MiB, 40), new GuestRamOptions(Prefault: true));

        Assert.Equal(0UL, ResidentBytes(idle));
        Assert.Equal(64 * MiB, ResidentBytes(ready));
    }

    [Fact]
    public void Contradictions_and_wrong_sizes_are_refused_in_words()
    {
        Refused(64 * MiB, new GuestRamOptions(Shared: true, Mergeable: true), "shared and mergeable");
        Refused(64 * MiB, new GuestRamOptions(HugePageSize: 2 * MiB), "needs hugepages=on");
        Refused(64 * MiB, new GuestRamOptions(HugePages: true, HugePageSize: 3 * MiB), "not a power of two");
        Refused(64 * MiB, new GuestRamOptions(HugePages: true, HugePageSize: 64 * 1024 * MiB), "no huge pages of 64 GiB, only of 2 MiB");
        Refused(64 * MiB, new GuestRamOptions(HugePages: true, HugePageSize: GiB), "64 MiB is not a multiple of the huge page size 1 GiB");
    }

    [Fact]
    public void Missing_huge_pages_are_named_with_the_command_that_reserves_them()
    {
        // More than any machine that runs this reserves.
        GuestRamException error = Refused(1024 * GiB, new GuestRamOptions(HugePages: true, HugePageSize: 2 * MiB), "not enough huge pages");
        Assert.Contains("1 TiB", error.Message.Replace("1024 GiB", "1 TiB", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("needs 524288 of 2 MiB", error.Message, StringComparison.Ordinal);
        Assert.Contains("| sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_that_the_host_cannot_give_is_refused_in_words()
    {
        Refused(1UL << 50, new GuestRamOptions(), "not enough memory for 1048576 GiB of guest memory");
        Refused(1UL << 46, new GuestRamOptions(Prefault: true), "cannot be prefaulted: the host has");
    }

    [Fact]
    public void Disposing_gives_the_address_space_back()
    {
        // A process has 128 TiB of it, so a second one of this size works only when the first is gone.
        for (int i = 0; i < 3; i++) GuestRam.Allocate(new MemoryMap(80UL << 40, 52), new GuestRamOptions()).Dispose();
    }

    private static GuestRamException Refused(ulong size, GuestRamOptions options, string message)
    {
        var error = Assert.Throws<GuestRamException>(() => GuestRam.Allocate(new MemoryMap(size, 52), options).Dispose());
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        return error;
    }

    private static ulong ResidentBytes(GuestRam ram)
    {
        string start = ram.Memory.Regions[0].HostAddress.ToString("x");
        bool found = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.StartsWith(start + "-", StringComparison.Ordinal)) found = true;
            else if (found && line.StartsWith("Rss:", StringComparison.Ordinal))
                return ulong.Parse(line[4..].Replace("kB", "", StringComparison.Ordinal).Trim()) * 1024;
        }

        throw new InvalidOperationException("no such mapping");
    }
}
