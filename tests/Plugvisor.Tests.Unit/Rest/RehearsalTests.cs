using Plugvisor.Api;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>A server that is its own first client.</summary>
public sealed class RehearsalTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task It_asks_for_two_pings_and_goes()
    {
        await using RestRig rig = await RestRig.StartAsync(new Plugvisor.Rest.RestLimits { MaxConnections = 1 });
        int asked = 0;
        var second = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = (_, _) =>
        {
            if (Interlocked.Increment(ref asked) == 2) second.SetResult();
            return Task.FromResult(ApiReply.With("""{"a":1}"""u8.ToArray()));
        };

        rig.Server.Rehearse();
        await second.Task.WaitAsync(Soon, TestContext.Current.CancellationToken);

        Assert.Equal(["vmm.ping", "vmm.ping"], rig.Api.Asked);
        // It gives its place back: there is one for this client.
        Assert.Equal(200, await rig.StatusWhenThereIsRoomAsync());
    }

    [Fact]
    public async Task It_does_nothing_when_a_client_has_come()
    {
        await using RestRig rig = await RestRig.StartAsync();
        Assert.Equal(200, (await rig.AskAsync("GET", "/api/v1/vm.info")).Status);

        rig.Server.Rehearse();

        // Whatever it asked would be asked before this: the poll thread takes its first step before it sees another client.
        Assert.Equal(200, (await rig.AskAsync("GET", "/api/v1/vm.counters")).Status);
        Assert.Equal(["vm.info", "vm.counters"], rig.Api.Asked);
    }

    [Fact]
    public async Task A_server_that_stops_or_does_not_run_takes_it_well()
    {
        RestRig rig = await RestRig.StartAsync();
        await using (rig)
        {
            rig.Server.Rehearse();
            await rig.Server.StopAsync(Soon);
            rig.Server.Rehearse();
        }

        Assert.All(rig.Api.Asked, asked => Assert.Equal("vmm.ping", asked));
    }

    [Fact]
    public async Task A_client_that_comes_at_the_same_time_is_answered()
    {
        for (int i = 0; i < 20; i++)
        {
            await using RestRig rig = await RestRig.StartAsync();
            Task<RawAnswer> answer = rig.AskAsync("GET", "/api/v1/vm.info");
            rig.Server.Rehearse();
            Assert.Equal(200, (await answer).Status);
        }
    }
}
