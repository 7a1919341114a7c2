using System.Text.Json;
using Xunit;

namespace Plugvisor.Tests.Linux.Api;

/// <summary>The curl examples of Cloud Hypervisor's API guide work as they are written there; a disk comes and goes while the guest runs.</summary>
public sealed class GuideTests(GuideSession session) : IClassFixture<GuideSession>
{
    // As the guide's server writes it: no reason phrase, and nothing behind the headers of a 204.
    private const string NoContent = "HTTP/1.1 204 \nServer: Cloud Hypervisor API\nConnection: keep-alive\n\n";

    [Theory]
    [InlineData("create")]
    [InlineData("boot")]
    [InlineData("reboot")]
    [InlineData("shutdown")]
    public void A_command_answers_204_and_nothing_else(string step) =>
        Assert.True(session.Read(step) == NoContent && session.Read(step + ".status") == "0\n", session.Everything);

    [Fact]
    public void Info_tells_of_a_running_machine_with_the_configuration_that_was_sent()
    {
        JsonElement info = Body("info"), config = info.GetProperty("config"), net = config.GetProperty("net")[0];
        Assert.Equal("Running", info.GetProperty("state").GetString());
        Assert.Equal(512L << 20, info.GetProperty("memory_actual_size").GetInt64());
        Assert.Equal(4, config.GetProperty("cpus").GetProperty("boot_vcpus").GetInt32());
        Assert.EndsWith(GuideExamples.Kernel, config.GetProperty("payload").GetProperty("kernel").GetString(), StringComparison.Ordinal);
        Assert.StartsWith(GuideExamples.CommandLine, config.GetProperty("payload").GetProperty("cmdline").GetString(), StringComparison.Ordinal);
        Assert.EndsWith(GuideExamples.Image, config.GetProperty("disks")[0].GetProperty("path").GetString(), StringComparison.Ordinal);
        Assert.Equal("/dev/urandom", config.GetProperty("rng").GetProperty("src").GetString());
        Assert.Equal("192.168.10.10", net.GetProperty("ip").GetString());
        Assert.Equal("255.255.255.0", net.GetProperty("mask").GetString());
        Assert.Equal("12:34:56:78:90:01", net.GetProperty("mac").GetString());
    }

    [Fact]
    public void Info_has_every_device_in_its_tree()
    {
        JsonElement info = Body("info"), tree = info.GetProperty("device_tree");
        foreach (string list in new[] { "disks", "net" })
        {
            string id = info.GetProperty("config").GetProperty(list)[0].GetProperty("id").GetString()!;
            JsonElement function = tree.GetProperty(tree.GetProperty(id).GetProperty("parent").GetString()!);
            Assert.Equal(id, function.GetProperty("children")[0].GetString());
            Assert.Matches("^0000:00:[0-9a-f]{2}\\.0$", function.GetProperty("pci_bdf").GetString());
        }
        Assert.True(tree.TryGetProperty("__rng", out _) && tree.TryGetProperty("__console", out _), session.Everything);
    }

    [Theory]
    [InlineData("cpus=4")]
    [InlineData("virtio_rng.0")]
    [InlineData("mac=12:34:56:78:90:01")]
    [InlineData("ping=0")]
    [InlineData("root=" + GuideSession.Greeting)]
    public void The_guest_has_what_was_asked_for(string line) =>
        Assert.True(session.Console.Contains("\n" + line + "\n", StringComparison.Ordinal), session.Everything);

    [Fact]
    public void Reboot_boots_the_guest_again()
    {
        Assert.Equal(2, session.Console.Split(" in Plugvisor, 4 CPU(s).").Length - 1);
        Assert.Equal(["booting", "booted", "rebooting", "shutdown", "booting", "booted", "rebooted"], EventsOf("vm").Where(name => name != "device-removed").Take(7));
    }

    [Fact]
    public void A_disk_can_be_added_to_the_running_guest_and_mounted()
    {
        Assert.True(session.Read("add.status") == "0\n", session.Everything);
        using var added = JsonDocument.Parse(session.Read("add"));
        Assert.Equal("data", added.RootElement.GetProperty("id").GetString());
        Assert.Matches("^0000:00:[0-9a-f]{2}\\.0$", added.RootElement.GetProperty("bdf").GetString());
        using var info = JsonDocument.Parse(session.Read("again"));
        Assert.Equal("data", info.RootElement.GetProperty("config").GetProperty("disks")[1].GetProperty("id").GetString());
        Assert.True(session.Console.Contains("\ndata=" + GuideSession.Greeting + "\n", StringComparison.Ordinal), session.Everything);
    }

    [Fact]
    public void The_disk_can_be_removed_again()
    {
        Assert.True(session.Read("remove.status") == "0\n", session.Everything);
        Assert.True(session.Console.Contains("\nthird=2\n", StringComparison.Ordinal), session.Everything);
        Assert.Equal(1, EventsOf("vm").Count(name => name == "device-removed"));
        Assert.DoesNotContain("\"data\"", session.Read("after"), StringComparison.Ordinal);
    }

    [Fact]
    public void Shutdown_leaves_a_machine_that_is_created() => Assert.Equal("Created", Body("after").GetProperty("state").GetString());

    [Fact]
    public void Shutting_the_vmm_down_ends_it_and_takes_the_socket_away()
    {
        Assert.StartsWith("HTTP/1.1 200 \n", session.Read("shutdown-vmm"), StringComparison.Ordinal);
        Assert.True(session.Read("vmm.status") == "0\n" && session.Read("missing").Length == 0, session.Everything);
    }

    private JsonElement Body(string step)
    {
        string[] parts = session.Read(step).Split("\n\n", 2);
        Assert.True(parts.Length == 2 && parts[0].StartsWith("HTTP/1.1 200 \n", StringComparison.Ordinal), session.Everything);
        return JsonDocument.Parse(parts[1]).RootElement;
    }

    /// <summary>The names of the events of one source, in order.</summary>
    private List<string> EventsOf(string source)
    {
        var names = new List<string>();
        // The monitor writes one document behind the other, each over several lines.
        foreach (string text in session.Events.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.GetProperty("source").GetString() == source) names.Add(document.RootElement.GetProperty("event").GetString()!);
        }
        return names;
    }
}
