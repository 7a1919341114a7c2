using System.Globalization;
using System.Security.Cryptography;
using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Plugins whose code is replaced under Debian's drivers while all of them work.</summary>
public sealed class ReplacementGuestTests(ReplacementGuest guest) : IClassFixture<ReplacementGuest>
{
    [Fact]
    public void Every_plugin_is_replaced_in_every_round()
    {
        TestContext.Current.TestOutputHelper!.WriteLine(guest.Found("times"));
        for (int round = 1; round <= ReplacementGuest.Rounds; round++)
        {
            foreach (string plugin in ReplacementGuest.Plugins)
                Assert.True(guest.Found($"reload-{round}-{plugin}.status") == "200", $"{plugin}, round {round}: {guest.Found($"reload-{round}-{plugin}")}{guest.Everything}");
        }

        // A plugin that nobody used would be reloaded, too.
        foreach (string plugin in ReplacementGuest.Plugins)
            Assert.True(guest.Boot.Log.Split($"plugin {plugin}: 1 of its devices stood still for ").Length - 1 == ReplacementGuest.Rounds, plugin + guest.Everything);
        Assert.DoesNotContain(guest.Answer("plugins").EnumerateArray(), plugin => plugin.GetProperty("status").GetString() == "leaked");
    }

    [Fact]
    public void Every_device_goes_on_after_every_round()
    {
        for (int round = 1; round <= ReplacementGuest.Rounds; round++)
        {
            foreach (string worker in ReplacementGuest.Workers) Assert.True(guest.Boot[$"{worker}{round}"] == "1", $"{worker} stands still after round {round}{guest.Everything}");
        }
    }

    [Fact]
    public void No_request_fails_and_no_answer_is_wrong()
    {
        Assert.True(guest.Boot["failed"] is null && guest.Boot["unknown"] is null, guest.Everything);
        Holds("mount", "0");
        Holds("umount", "0");
        Assert.True(guest.Boot["rng"]?.StartsWith("virtio_rng", StringComparison.Ordinal) == true, guest.Everything);
    }

    [Fact]
    public void A_connection_of_vsock_outlives_every_reload_with_all_its_bytes()
    {
        Holds("peer", "0");
        Holds("stream", "same");
        Assert.True(guest.Boot["sum"] is { Length: 64 } sum && sum == Convert.ToHexStringLower(SHA256.HashData(guest.Stream)), guest.Everything);
    }

    [Fact]
    public void The_console_loses_and_repeats_no_line()
    {
        Assert.True(int.TryParse(guest.Boot["written"], out int written) && written > 0, guest.Everything);
        Assert.Equal(string.Concat(Enumerable.Range(1, written).Select(n => $"line {n}\n")), guest.Lines);
    }

    [Fact]
    public void A_shared_directory_outlives_every_reload_with_the_files_that_are_open()
    {
        Holds("shared", "0");
        Holds("unshared", "0");
        Assert.True(int.TryParse(guest.Boot["entries"], out int entries) && entries > 0, guest.Everything);
        Assert.Equal(string.Concat(Enumerable.Range(1, entries).Select(n => $"entry {n}\n")), guest.Log);
        Assert.Equal("log", guest.Found("shared"));
    }

    [Fact]
    public void The_balloon_is_as_large_as_the_guest_was_told_and_says_so()
    {
        for (int round = 1; round <= ReplacementGuest.Rounds; round++)
        {
            Assert.Equal("204", guest.Found($"resize-{round}.status"));
            Assert.Equal((ReplacementGuest.MemorySize - round * ReplacementGuest.BalloonStep).ToString(CultureInfo.InvariantCulture), guest.Found($"actual-{round}"));
        }
    }

    [Fact]
    public void A_panic_is_reported_and_the_log_has_nothing_else_to_say()
    {
        Assert.True(guest.Boot.Status == 0, guest.Everything);
        string[] bad = [.. guest.Boot.Log.Split('\n').Where(line => line.Contains("WARN", StringComparison.Ordinal) || line.Contains("ERRO", StringComparison.Ordinal))];
        Assert.True(bad.All(line => line.Contains("reports panic", StringComparison.Ordinal)), guest.Everything);
        Assert.True(guest.Boot.Log.Contains("guest: reports panic (event=panic)", StringComparison.Ordinal), guest.Everything);
    }

    private void Holds(string name, string value) => Assert.True(guest.Boot[name] == value, $"{name} is {guest.Boot[name]}, not {value}{guest.Everything}");
}
