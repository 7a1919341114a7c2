using Plugvisor.Tests.Linux.Hosting;
using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>What Debian's stock kernel does with persistent memory that the pmem plugin serves.</summary>
public sealed class PmemGuestTests(PmemGuest guest) : IClassFixture<PmemGuest>
{
    private Boot Boot => guest.Boot;

    [Fact]
    public void The_guest_lives_twice_and_ends_well() => Assert.True(Boot.ScriptStatus == 0 && Boot.Status == 0, Boot.Everything);

    [Fact]
    public void It_mounts_with_dax_and_shows_the_hosts_file()
    {
        Assert.True(Boot["mount"] == "0" && Boot["size"] == "65536" && Boot["dax"] == "1", Boot.Everything);
        Assert.True(Boot["greeting"] == PmemGuest.Greeting.Trim(), Boot.Everything);
    }

    [Fact]
    public async Task What_was_written_is_there_after_a_reboot_and_in_the_hosts_file()
    {
        Assert.True(Boot["sum"] is { Length: > 64 } && Boot["sum"] == Boot["again"], Boot.Everything);
        Assert.Contains($"sum={Boot["sum"]}", await guest.Disk.ReadAsync("values"), StringComparison.Ordinal);
        Assert.Equal("", await guest.Disk.CheckAsync());
    }

    [Fact]
    public void It_lies_at_the_same_address_after_a_reboot() => Assert.True(Boot["address"] is { Length: > 20 } && Boot["address"] == Boot["address2"], Boot.Everything);

    [Fact]
    public async Task Discarded_writes_are_gone_after_a_reboot_and_never_in_the_file()
    {
        Assert.True(Boot["mount1"] == "0" && Boot["discarded"] == "0", Boot.Everything);
        Assert.Equal(PmemGuest.Greeting, await guest.Discarded.ReadAsync("greeting"));
        Assert.Equal("", await guest.Discarded.CheckAsync());
    }

    [Fact]
    public async Task One_that_comes_while_the_guest_runs_works_and_goes_again()
    {
        Assert.True(guest.Found("added.code") == "200" && guest.Found("removed.code") == "204", guest.Found("added") + guest.Found("removed") + Boot.Everything);
        Assert.True(Boot["mount2"] == "0" && Boot["late"] == PmemGuest.Greeting.Trim() && Boot["umount2"] == "0" && Boot["gone"] == "1", Boot.Everything);
        Assert.Equal("put there by the guest\n", await guest.Late.ReadAsync("answer"));
        Assert.Equal("", await guest.Late.CheckAsync());
    }

    [Fact]
    public void Memory_of_ivshmem_is_found_and_shared_both_ways_while_the_guest_runs_and_over_its_reboot()
    {
        Assert.True(Boot["shared"] == $"0x1af4 0x1110 0x050000 0x01 {PmemGuest.SharedSize}", Boot.Everything);
        // "host" and "live" as numbers, written by the host before the guest's start and beside it.
        Assert.True(Boot["first"] == "0x74736F68" && Boot["live"] == "0x6576696C", Boot.Everything);
        Assert.Equal("gust"u8, guest.Shared.AsSpan(PmemGuest.GuestWrites, 4));
        Assert.True(Boot["kept"] == "0x74737567", Boot.Everything);
    }
}
