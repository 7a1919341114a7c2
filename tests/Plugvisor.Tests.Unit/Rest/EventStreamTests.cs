using System.Text.Json;
using Plugvisor.Rest;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary><c>GET /api/v1/vmm.events</c>.</summary>
public sealed class EventStreamTests
{
    private const string Follow = "GET /api/v1/vmm.events HTTP/1.1\r\n\r\n";

    [Fact]
    public async Task Every_event_is_a_line_in_a_chunk()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();
        await client.SendAsync(Follow);
        Assert.Equal("HTTP/1.1 200 \r\nServer: Cloud Hypervisor API\r\nConnection: keep-alive\r\nContent-Type: application/x-ndjson\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n", await client.ReadHeadAsync());

        rig.Api.Events.Publish("vm", "booted");
        rig.Api.Events.Publish("virtio-device", "activated", new Dictionary<string, string> { ["id"] = "_disk0" });

        (string source, string name) = await ReadChunkAsync(client);
        Assert.Equal(("vm", "booted"), (source, name));
        (source, name) = await ReadChunkAsync(client);
        Assert.Equal(("virtio-device", "activated"), (source, name));
    }

    [Fact]
    public async Task It_ends_with_the_vmm_and_the_connection_goes_on()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();
        await client.SendAsync(Follow);
        await client.ReadHeadAsync();

        rig.Api.Events.Publish("vmm", "shutdown");
        rig.Api.Events.Complete();

        await ReadChunkAsync(client);
        Assert.Equal("0\r\n\r\n", await client.ReadThroughAsync("0\r\n\r\n"));
        await client.SendAsync(RestRig.Request("GET", "/api/v1/vmm.ping"));
        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task For_http_1_0_the_end_of_the_connection_is_the_end()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();
        await client.SendAsync("GET /api/v1/vmm.events HTTP/1.0\r\n\r\n");
        Assert.Contains("Connection: close\r\n", await client.ReadHeadAsync());

        rig.Api.Events.Publish("vm", "booted");
        rig.Api.Events.Complete();

        string text = await client.ReadToEndAsync();
        Assert.Equal("vm booted", Describe(text.TrimEnd('\n')));
    }

    [Fact]
    public async Task Many_clients_miss_nothing_while_they_read()
    {
        const int Clients = 20, Events = 2000;
        await using RestRig rig = await RestRig.StartAsync();
        var clients = new List<RawClient>();
        for (int i = 0; i < Clients; i++)
        {
            clients.Add(rig.Connect());
            await clients[i].SendAsync("GET /api/v1/vmm.events HTTP/1.0\r\n\r\n");
            await clients[i].ReadHeadAsync();
        }

        Task<string>[] readers = [.. clients.Select(client => client.ReadToEndAsync())];
        for (int i = 0; i < Events; i++) rig.Api.Events.Publish("vm", "number", new Dictionary<string, string> { ["n"] = i.ToString() });
        rig.Api.Events.Complete();

        foreach (string text in await Task.WhenAll(readers))
        {
            string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(Enumerable.Range(0, Events).Select(i => i.ToString()), lines.Select(line => Property(line, "n")));
        }

        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Who_does_not_read_delays_nobody_and_is_told_what_it_missed()
    {
        const int Events = 100_000;
        await using RestRig rig = await RestRig.StartAsync(new RestLimits { MaxUnreadEvents = 100 });
        using RawClient client = rig.Connect();
        await client.SendAsync("GET /api/v1/vmm.events HTTP/1.0\r\n\r\n");
        await client.ReadHeadAsync();

        for (int i = 0; i < Events; i++) rig.Api.Events.Publish("vm", "number", new Dictionary<string, string> { ["n"] = i.ToString() });
        using RawClient other = rig.Connect();
        await other.SendAsync(RestRig.Request("GET", "/api/v1/vmm.ping"));
        Assert.Equal(200, (await other.ReadAsync()).Status);
        rig.Api.Events.Complete();

        string[] lines = (await client.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        int read = lines.Count(line => Describe(line) == "vm number");
        int lost = lines.Where(line => Describe(line) == "vmm events-lost").Sum(line => int.Parse(Property(line, "count")));
        Assert.True(lost > 0, "nothing was lost, so nothing was tested");
        Assert.Equal(Events, read + lost);
    }

    [Fact]
    public async Task Who_goes_is_forgotten()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using (RawClient client = rig.Connect())
        {
            await client.SendAsync(Follow);
            await client.ReadHeadAsync();
            Assert.True(rig.Api.Events.HasSubscribers);
        }

        for (DateTime end = DateTime.UtcNow.AddSeconds(20); DateTime.UtcNow < end && rig.Api.Events.HasSubscribers;)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.False(rig.Api.Events.HasSubscribers);
    }

    [Fact]
    public async Task A_server_that_stops_ends_streams_properly()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();
        await client.SendAsync(Follow);
        await client.ReadHeadAsync();

        await rig.Server.StopAsync(TimeSpan.FromSeconds(10));

        Assert.Equal("0\r\n\r\n", await client.ReadToEndAsync());
    }

    private static async Task<(string Source, string Name)> ReadChunkAsync(RawClient client)
    {
        string size = await client.ReadThroughAsync("\r\n");
        string line = await client.ReadThroughAsync("\r\n");
        Assert.Equal(Convert.ToInt32(size.Trim(), 16), line.Length - 2);
        Assert.EndsWith("}\n\r\n", line, StringComparison.Ordinal);
        string[] parts = Describe(line).Split(' ');
        return (parts[0], parts[1]);
    }

    private static string Describe(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return $"{document.RootElement.GetProperty("source").GetString()} {document.RootElement.GetProperty("event").GetString()}";
    }

    private static string Property(string line, string name)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("properties").GetProperty(name).GetString()!;
    }
}
