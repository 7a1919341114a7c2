using Plugvisor.Api;
using Plugvisor.Rest;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>Connections: how many, how they end, and what a client can do to the others.</summary>
public sealed class ConnectionTests
{
    private static readonly string Ping = RestRig.Request("GET", "/api/v1/vmm.ping");

    [Fact]
    public async Task One_connection_too_many_gets_503_and_the_end()
    {
        await using RestRig rig = await RestRig.StartAsync(new RestLimits { MaxConnections = 2 });
        using RawClient first = rig.Connect();
        using (RawClient second = rig.Connect())
        {
            await first.SendAsync(Ping);
            await second.SendAsync(Ping);
            Assert.Equal(200, (await first.ReadAsync()).Status);
            Assert.Equal(200, (await second.ReadAsync()).Status);

            using RawClient third = rig.Connect();

            Assert.Equal("HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\nContent-Length: 40\r\n\r\n"
                + "{ \"error\": \"Too many open connections\" }", await third.ReadToEndAsync());
        }

        // There is room again, a moment after the second has gone.
        Assert.Equal(200, await rig.StatusWhenThereIsRoomAsync());
    }

    [Fact]
    public async Task Two_hundred_clients_at_once_get_their_answers()
    {
        await using RestRig rig = await RestRig.StartAsync();

        int[] statuses = await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ =>
        {
            using RawClient client = rig.Connect();
            for (int i = 0; i < 10; i++)
            {
                await client.SendAsync(Ping);
                if ((await client.ReadAsync()).Status != 200) return 0;
            }

            return 200;
        }));

        Assert.All(statuses, status => Assert.Equal(200, status));
    }

    [Fact]
    public async Task A_command_that_takes_long_holds_up_its_own_connection_only()
    {
        await using RestRig rig = await RestRig.StartAsync();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = async (operation, _) =>
        {
            if (operation.Name == "vm.boot") await release.Task;
            return ApiReply.Done;
        };
        using RawClient slow = rig.Connect();
        await slow.SendAsync(RestRig.Request("PUT", "/api/v1/vm.boot"));

        Assert.Equal(204, (await rig.AskAsync("PUT", "/api/v1/vmm.shutdown")).Status);

        release.SetResult();
        Assert.Equal(204, (await slow.ReadAsync()).Status);
    }

    [Fact]
    public async Task A_client_that_goes_before_its_answer_harms_nobody()
    {
        await using RestRig rig = await RestRig.StartAsync();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = async (operation, _) =>
        {
            if (operation.Name == "vm.boot") await release.Task;
            return ApiReply.Done;
        };
        using (RawClient client = rig.Connect()) await client.SendAsync(RestRig.Request("PUT", "/api/v1/vm.boot") + Ping + Ping);
        while (rig.Api.Asked.IsEmpty) await Task.Yield();

        release.SetResult();

        Assert.Equal(204, (await rig.AskAsync("GET", "/api/v1/vm.info")).Status);
    }

    [Fact]
    public async Task A_client_that_takes_no_answers_is_dropped()
    {
        await using RestRig rig = await RestRig.StartAsync(new RestLimits { SendTime = TimeSpan.FromMilliseconds(300) });
        byte[] document = new byte[1024 * 1024];
        document.AsSpan().Fill((byte)'7');
        rig.Api.Answer = (_, _) => Task.FromResult(ApiReply.With(document));
        using RawClient client = rig.Connect();

        await client.SendAsync(Ping + Ping + Ping + Ping);

        // Not awaited: it ends because the server closes, long before four documents are through.
        for (DateTime end = DateTime.UtcNow.AddSeconds(20); ;)
        {
            Assert.True(DateTime.UtcNow < end, "the client was not dropped");
            try
            {
                await client.SendAsync(" ");
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
            catch (System.Net.Sockets.SocketException)
            {
                break;
            }
        }

        Assert.Equal(200, (await rig.AskAsync("GET", "/api/v1/vmm.ping")).Status);
    }

    [Fact]
    public async Task A_document_larger_than_all_buffers_arrives_whole()
    {
        await using RestRig rig = await RestRig.StartAsync();
        byte[] document = new byte[3_000_000];
        for (int i = 0; i < document.Length; i++) document[i] = (byte)('a' + (i % 26));
        rig.Api.Answer = (_, _) => Task.FromResult(ApiReply.With(document));

        RawAnswer answer = await rig.AskAsync("GET", "/api/v1/vm.info");

        Assert.True(answer.Body == System.Text.Encoding.ASCII.GetString(document), "the document arrived changed");
    }

    [Fact]
    public async Task Half_open_requests_do_not_keep_others_out()
    {
        await using RestRig rig = await RestRig.StartAsync();
        var slow = new List<RawClient>();
        for (int i = 0; i < 300; i++)
        {
            slow.Add(rig.Connect());
            await slow[i].SendAsync("GET /api/v1/vm");
        }

        var quick = TimeSpan.FromSeconds(5);
        TimeSpan best = await Best.OfAsync(quick, async () => Assert.Equal(200, (await rig.AskAsync("GET", "/api/v1/vmm.ping")).Status));
        Assert.InRange(best, TimeSpan.Zero, quick);
        slow.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Stopping_answers_what_was_asked_and_then_closes()
    {
        await using RestRig rig = await RestRig.StartAsync();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = async (_, _) =>
        {
            await release.Task;
            return ApiReply.Empty;
        };
        using RawClient idle = rig.Connect();
        using RawClient busy = rig.Connect();
        await busy.SendAsync(RestRig.Request("PUT", "/api/v1/vmm.shutdown"));
        while (rig.Api.Asked.IsEmpty) await Task.Yield();

        Task stop = rig.Server.StopAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("", await idle.ReadToEndAsync());
        Assert.False(stop.IsCompleted);
        release.SetResult();

        Assert.Equal(200, (await busy.ReadAsync()).Status);
        Assert.Equal("", await busy.ReadToEndAsync());
        await stop;
    }

    [Fact]
    public async Task Stopping_does_not_wait_for_ever()
    {
        await using RestRig rig = await RestRig.StartAsync();
        var never = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = async (_, _) =>
        {
            await never.Task;
            return ApiReply.Empty;
        };
        using RawClient client = rig.Connect();
        await client.SendAsync(RestRig.Request("PUT", "/api/v1/vm.boot"));
        while (rig.Api.Asked.IsEmpty) await Task.Yield();

        await rig.Server.StopAsync(TimeSpan.FromMilliseconds(100)).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.Equal("", await client.ReadToEndAsync());
        never.SetResult();
    }
}
