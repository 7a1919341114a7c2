using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Debian's driver on directories that Debian's virtiofsd serves.</summary>
public sealed class DaemonFsGuestTests(DaemonFsGuest guest) : IClassFixture<DaemonFsGuest>
{
    [Fact]
    public void The_guest_mounts_the_directory_of_a_daemon_that_starts_after_the_vmm()
    {
        Same("0", guest.Boot["mount"]);
        Same(DaemonFsGuest.Greeting, guest.Boot["greeting"]);
    }

    [Fact]
    public void A_tree_is_the_same_on_both_sides_and_after_another_mount()
    {
        Same(guest.Found("tree"), guest.Boot["tree"]);
        Same(guest.Found("tree"), guest.Boot["again"]);
        Same(guest.Found("link"), guest.Boot["link"]);
        Same("""
            home/tree/3/2 640 1 regular file 6000
            home/tree/2/hard 644 2 regular file 3000
            home/tree/1/link 777 1 symbolic link 10
            home/tree/4/empty 644 1 regular empty file 0
            home/tree/big 644 1 regular file 1000000
            """, guest.Found("stat"));
    }

    [Fact]
    public void A_directory_comes_by_rest_while_the_guest_runs()
    {
        Assert.True(guest.Found("add").Contains("\"id\":\"two\"", StringComparison.Ordinal), guest.Everything);
        Same("extra", guest.Boot["extra"]);
        Same("from the guest", guest.Found("answer"));
    }

    [Fact]
    public void And_goes_by_rest()
    {
        Same("2", guest.Boot["devices"]);
        Same("1", guest.Boot["left"]);
        Same("", guest.Found("remove"));
    }

    [Fact]
    public void New_code_of_the_plugin_goes_on_with_the_daemon_while_the_guest_writes()
    {
        Assert.True(guest.Found("reload").Contains("virtio-fs", StringComparison.Ordinal), guest.Everything);
        Same(guest.Found("tree"), guest.Boot["reload"]);
    }

    [Fact]
    public void Hostile_35_A_daemon_that_is_killed_while_the_guest_writes_is_reconnected_and_can_be_mounted_again()
    {
        Assert.True(guest.Boot.Log.Contains("closed the connection", StringComparison.Ordinal), guest.Everything);
        Same("1", guest.Boot["lost"]);
        Same("0", guest.Boot["umount"]);
        Same(DaemonFsGuest.Greeting, guest.Boot["after"]);
        Same(guest.Found("tree"), guest.Boot["kept"]);
        Same(guest.Found("tree"), guest.Found("kept"));
    }

    [Fact]
    public void Nothing_else_is_in_the_log_and_the_vmm_ends_well()
    {
        Same("0", guest.Boot.Status.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.True(guest.Boot.Log.Split('\n').Count(line => line.Contains("WARN", StringComparison.Ordinal) && !line.Contains("nobody serves", StringComparison.Ordinal)) == 1, guest.Everything);
    }

    private void Same(string expected, string? actual) => Assert.True(expected == actual, $"'{actual}' and not '{expected}'\n{guest.Everything}");
}
