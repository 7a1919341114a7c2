using System.Globalization;
using Plugvisor.Tests.Linux.Hosting;
using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>What Debian's stock kernel sees of its machine and does with a disk that the virtio-blk plugin serves.</summary>
public sealed class DiskGuestTests(DiskGuest guest) : IClassFixture<DiskGuest>
{
    private Boot Boot => guest.Boot;

    [Fact]
    public void Debians_kernel_boots_to_user_space_and_runs_a_script_to_its_end()
    {
        Assert.True(Boot.ScriptStatus == 0, Boot.Everything);
        Assert.EndsWith("-amd64", Boot["release"]);
    }

    [Fact]
    public void Powering_off_ends_the_process_with_0() => Assert.True(Boot.Status == 0, Boot.Everything);

    [Fact]
    public void The_guest_has_the_vcpus_it_was_given() => Assert.True(Boot["cpus"] == "2", Boot.Everything);

    [Fact]
    public void The_guest_has_the_memory_it_was_given()
    {
        // The kernel keeps some of 384 MiB for itself: its image, page structures, reservations.
        Assert.True(int.TryParse(Boot["memory"], NumberStyles.None, null, out int kibibytes), Boot.Everything);
        Assert.InRange(kibibytes, 310 * 1024, 384 * 1024);
    }

    [Fact]
    public void The_disk_has_the_size_of_its_image() => Assert.Equal(guest.Disk.Length / 512, long.Parse(Boot["size"] ?? "0"));

    [Fact]
    public void The_disk_has_the_serial_that_the_option_names() => Assert.True(Boot["serial"] == "plug-1", Boot.Everything);

    [Fact]
    public void The_disk_mounts_as_ext4_and_shows_the_hosts_file()
    {
        Assert.True(Boot["mount"] == "0", Boot.Everything);
        Assert.Equal(DiskGuest.Greeting.Trim(), Boot["greeting"]);
    }

    [Fact]
    public void What_the_guest_wrote_reads_the_same_from_the_disk()
    {
        Assert.True(Boot["sum"] is { Length: > 64 }, Boot.Everything);
        Assert.Equal(Boot["sum"], Boot["again"]);
    }

    [Fact]
    public async Task What_the_guest_wrote_is_in_the_image()
    {
        Assert.True(await guest.Disk.ReadAsync("answer") == "put there by the guest\n", Boot.Everything);
    }

    [Fact]
    public async Task The_image_is_a_clean_file_system_afterwards()
    {
        Assert.Equal("", await guest.Disk.CheckAsync());
    }

    [Fact]
    public async Task A_read_only_disk_is_read_only_in_the_guest_and_stays_as_it_was()
    {
        Assert.True(Boot["ro"] == "1" && Boot["write"] is not (null or "0"), Boot.Everything);
        Assert.Equal("", await guest.ReadOnlyDisk.CheckAsync());
        Assert.Equal(DiskGuest.Greeting, await guest.ReadOnlyDisk.ReadAsync("greeting"));
    }

    [Fact]
    public void The_guests_entropy_comes_from_the_virtio_device()
    {
        Assert.True(Boot["rng"]?.StartsWith("virtio_rng", StringComparison.Ordinal) == true && Boot["entropy"] == "16", Boot.Everything);
    }

    [Fact]
    public void The_devices_interrupt_by_message() => Assert.True(int.Parse(Boot["irqs"] ?? "0") >= 3, Boot.Everything);
}
