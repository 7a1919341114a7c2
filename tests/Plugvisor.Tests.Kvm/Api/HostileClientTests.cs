using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Plugvisor.Tests.Unit.Rest;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>Case 40 of the hostile cases: what a client can do to the API of a running VM. Each time another client is served as if nothing were.</summary>
public sealed class HostileClientTests
{
    [Fact]
    public async Task Hostile_40_A_gigabyte_is_refused_before_it_is_sent_and_takes_no_memory()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using RawClient client = vmm.Connect();
        await vmm.ExpectAsync(200, "GET", "vmm.ping");
        long before = ResidentKilobytes(vmm);

        await client.SendAsync("PUT /api/v1/vm.create HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n");
        RawAnswer answer = await client.ReadAsync();
        Assert.Equal(400, answer.Status);
        Assert.Contains("larger than the limit of 4194304", answer.Body);
        byte[] block = new byte[1 << 20];
        block.AsSpan().Fill((byte)' ');
        for (int sent = 0; sent < 64; sent++) await client.SendAsync(block);

        await vmm.ExpectAsync(200, "GET", "vmm.ping");
        Assert.True(ResidentKilobytes(vmm) - before < 32 * 1024, $"the process grew from {before} to {ResidentKilobytes(vmm)} KiB");
    }

    [Fact]
    public async Task Hostile_40_announced_bodies_that_do_not_come_take_no_memory()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        await vmm.ExpectAsync(200, "GET", "vmm.ping");
        long before = ResidentKilobytes(vmm);
        var clients = new List<RawClient>();
        for (int i = 0; i < 200; i++)
        {
            clients.Add(vmm.Connect());
            await clients[i].SendAsync("PUT /api/v1/vm.create HTTP/1.1\r\nContent-Length: 4194304\r\n\r\n{");
        }

        await vmm.ExpectAsync(200, "GET", "vmm.ping");
        Assert.True(ResidentKilobytes(vmm) - before < 100 * 1024, $"the process grew from {before} to {ResidentKilobytes(vmm)} KiB");
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Hostile_40_requests_that_trickle_keep_nobody_out()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        await vmm.ExpectAsync(200, "GET", "vmm.ping");
        var clients = new List<RawClient>();
        for (int i = 0; i < 500; i++)
        {
            clients.Add(vmm.Connect());
            await clients[i].SendAsync("GET /api/v1/vmm.ping HTTP/1.1\r\nX-");
        }

        // At best: some may be late on a busy machine.
        TimeSpan quick = TimeSpan.FromSeconds(5), best = TimeSpan.MaxValue;
        for (int i = 0; i < 5 && best > quick; i++)
        {
            var clock = Stopwatch.StartNew();
            await vmm.ExpectAsync(200, "GET", "vmm.ping");
            if (clock.Elapsed < best) best = clock.Elapsed;
        }

        Assert.True(best < quick, $"a ping took {best}");
        // A connection that trickles is still one: it gets its answer.
        await clients[0].SendAsync("Y: z\r\n\r\n");
        Assert.Equal(200, (await clients[0].ReadAsync()).Status);
        clients.ForEach(client => client.Dispose());
    }

    [Theory]
    [InlineData('[', ']')]
    [InlineData('{', '}')]
    public async Task Hostile_40_deep_documents_are_refused(char open, char close)
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        const int Depth = 100_000;
        string deep = open == '[' ? new string('[', Depth) + new string(']', Depth)
            : string.Concat(Enumerable.Repeat("{\"a\":", Depth)) + "1" + new string(close, Depth);

        string body = await vmm.ExpectAsync(400, "PUT", "vm.create", $$"""{"payload":{{deep}}}""");

        Assert.Equal("Failed to deserialize JSON", JsonElement.Parse(body)[0].GetString());
        await vmm.ExpectAsync(200, "GET", "vmm.ping");
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("[]")]
    [InlineData("\"x\"")]
    [InlineData("{}x")]
    [InlineData("{\"a\":}")]
    [InlineData("{\"cpus\":7}")]
    [InlineData("{\"cpus\":{\"boot_vcpus\":-1,\"max_vcpus\":1}}")]
    [InlineData("{\"cpus\":{\"boot_vcpus\":1e99,\"max_vcpus\":1}}")]
    [InlineData("{\"cpus\":{\"max_vcpus\":1}}")]
    [InlineData("{\"memory\":{\"size\":18446744073709551616}}")]
    [InlineData("{\"memory\":[]}")]
    [InlineData("{\"disks\":{}}")]
    [InlineData("{\"disks\":[{\"path\":7}]}")]
    [InlineData("{\"payload\":{\"kernel\":\"\\ud800\"}}")]
    [InlineData("{\"x\":\"\\ud800\"}")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("\u0001")]
    public async Task Hostile_40_wrong_documents_are_refused(string body)
    {
        using RestVmm vmm = await RestVmm.StartAsync();

        string answer = await vmm.ExpectAsync(400, "PUT", "vm.create", body);

        if (body.Length > 0) Assert.Equal("Failed to deserialize JSON", JsonElement.Parse(answer)[0].GetString());
        await vmm.ExpectAsync(404, "GET", "vm.info");
    }

    [Fact]
    public async Task Hostile_40_bytes_that_are_no_text_are_refused()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using RawClient client = vmm.Connect();

        await client.SendAsync(Encoding.Latin1.GetBytes("PUT /api/v1/vm.create HTTP/1.1\r\nContent-Length: 10\r\n\r\n{\"a\":\"\xff\xfe\"}"));

        Assert.Equal(400, (await client.ReadAsync()).Status);
        await vmm.ExpectAsync(200, "GET", "vmm.ping");
    }

    [Fact]
    public async Task Hostile_40_unknown_members_are_ignored_at_every_level()
    {
        using RestVmm vmm = await RestVmm.StartAsync();

        await vmm.ExpectAsync(204, "PUT", "vm.create", RestVmm.Config(""","unknown":{"x":[1,{"y":null}]},"cpus":{"boot_vcpus":1,"max_vcpus":1,"more":true}"""));

        await vmm.ExpectAsync(204, "PUT", "vm.boot");
    }

    [Fact]
    public async Task Hostile_40_clients_that_go_while_they_are_answered_harm_nobody()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        await vmm.ExpectAsync(204, "PUT", "vm.create", RestVmm.Config());
        await vmm.ExpectAsync(204, "PUT", "vm.boot");
        int before = OpenDescriptors(vmm);

        for (int i = 0; i < 300; i++)
        {
            using RawClient client = vmm.Connect();
            await client.SendAsync(string.Concat(Enumerable.Repeat(RestVmm.Request("GET", "vm.info"), 20)) + RestVmm.Request(i % 2 == 0 ? "PUT" : "GET", "vm.pause"));
            if (i % 3 == 0) await client.ReadHeadAsync();
        }

        await vmm.ExpectAsync(200, "GET", "vm.info");
        for (DateTime end = DateTime.UtcNow.AddSeconds(20); OpenDescriptors(vmm) > before + 5 && DateTime.UtcNow < end;)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.True(OpenDescriptors(vmm) <= before + 5, $"{before} descriptors became {OpenDescriptors(vmm)}");
    }

    [Fact]
    public async Task Hostile_40_A_stream_that_nobody_reads_delays_nothing()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using RawClient stream = vmm.Connect();
        await stream.SendAsync("GET /api/v1/vmm.events HTTP/1.1\r\n\r\n");
        await vmm.ExpectAsync(204, "PUT", "vm.create", RestVmm.Config());
        await vmm.ExpectAsync(204, "PUT", "vm.boot");

        var clock = Stopwatch.StartNew();
        using RawClient client = vmm.Connect();
        for (int i = 0; i < 1000; i++)
        {
            await client.SendAsync(RestVmm.Request("PUT", i % 2 == 0 ? "vm.pause" : "vm.resume"));
            Assert.Equal(204, (await client.ReadAsync()).Status);
        }

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"a thousand commands took {clock.Elapsed}");
        await vmm.ExpectAsync(200, "PUT", "vmm.shutdown");
        Assert.Equal(0, await vmm.Process.WaitForExitAsync());
    }

    [Fact]
    public async Task Hostile_40_clients_cannot_use_up_the_descriptors_that_the_vm_needs()
    {
        // A runtime without descriptors cannot even start a thread, and ends the process.
        using RestVmm vmm = await RestVmm.StartByAsync(["prlimit", "--nofile=256:256"]);
        await vmm.ExpectAsync(204, "PUT", "vm.create", RestVmm.Config());
        var clients = new List<RawClient>();
        var answers = new Dictionary<int, int>();
        for (int i = 0; i < 300; i++)
        {
            clients.Add(vmm.Connect());
            RawAnswer? answer = null;
            try
            {
                await clients[i].SendAsync(RestVmm.Request("GET", "vmm.ping"));
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Turned away before it asked; the answer is there all the same.
            }

            answer = await clients[i].ReadAsync();
            answers[answer.Status] = answers.GetValueOrDefault(answer.Status) + 1;
        }

        Assert.Equal([200, 503], answers.Keys.Order());
        Assert.Equal(64, answers[200]);
        await clients[0].SendAsync(RestVmm.Request("PUT", "vm.boot"));
        Assert.Equal(204, (await clients[0].ReadAsync()).Status);
        clients.ForEach(client => client.Dispose());
        vmm.Process.Signal("TERM");
        Assert.Equal(0, await vmm.Process.WaitForExitAsync());
    }

    private static long ResidentKilobytes(RestVmm vmm)
    {
        string line = File.ReadLines($"/proc/{vmm.Process.Id}/status").First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
    }

    private static int OpenDescriptors(RestVmm vmm) => Directory.GetFileSystemEntries($"/proc/{vmm.Process.Id}/fd").Length;
}
