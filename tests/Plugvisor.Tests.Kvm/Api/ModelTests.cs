using System.Collections.Concurrent;
using System.Text.Json;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>
/// The state machine of the API (interface reference section 7) as a model, against a real VMM with real guests: first one client whose every answer is
/// known beforehand (an NMI is left out: what the guest makes of it would change the state), then two hundred at once whose answers must each be possible in some state.
/// </summary>
public sealed class ModelTests
{
    private enum State
    {
        None,
        Created,
        Running,
        Paused,
    }

    /// <summary>What an operation answers in each state, and where it leads.</summary>
    private sealed record Rule(string Verb, string Operation, bool HasBody, (int Code, State Next)[] InState);

    private static readonly string Config = RestVmm.ConfigOf("machine", "case=halt");

    private static readonly Rule[] Rules =
    [
        new("PUT", "vm.create", true, [(204, State.Created), (500, State.Created), (500, State.Running), (500, State.Paused)]),
        new("PUT", "vm.boot", false, [(404, State.None), (204, State.Running), (500, State.Running), (500, State.Paused)]),
        new("PUT", "vm.pause", false, [(500, State.None), (500, State.Created), (204, State.Paused), (500, State.Paused)]),
        new("PUT", "vm.resume", false, [(500, State.None), (500, State.Created), (500, State.Running), (204, State.Running)]),
        new("PUT", "vm.shutdown", false, [(500, State.None), (500, State.Created), (204, State.Created), (204, State.Created)]),
        new("PUT", "vm.reboot", false, [(404, State.None), (404, State.Created), (204, State.Running), (204, State.Running)]),
        new("PUT", "vm.delete", false, [(204, State.None), (204, State.None), (204, State.None), (204, State.None)]),
        new("PUT", "vm.power-button", false, [(500, State.None), (500, State.Created), (204, State.Running), (204, State.Paused)]),
        new("GET", "vm.info", false, [(404, State.None), (200, State.Created), (200, State.Running), (200, State.Paused)]),
        new("GET", "vm.counters", false, [(500, State.None), (500, State.Created), (200, State.Running), (200, State.Paused)]),
        new("GET", "vmm.ping", false, [(200, State.None), (200, State.Created), (200, State.Running), (200, State.Paused)]),
    ];

    [Fact]
    public async Task A_random_walk_of_one_client_gets_exactly_the_answers_of_the_table()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using ApiClient client = vmm.Open();
        var random = new Random(1);
        State state = State.None;
        for (int step = 0; step < 1500; step++)
        {
            Rule rule = Rules[random.Next(Rules.Length)];
            // Destroying is rarer than building, so that all states are seen.
            if (rule.Operation is "vm.delete" or "vm.shutdown" && random.Next(4) != 0) continue;
            ApiAnswer answer = await client.SendAsync(rule.Verb, rule.Operation, rule.HasBody ? Config : null);
            (int code, State next) = rule.InState[(int)state];
            Assert.True(answer.Code == code, $"step {step}, {rule.Operation} in {state}: {answer}, not {code}{vmm.Process.Everything()}");
            CheckShape(answer);
            state = next;
            if (rule.Operation == "vm.info" && code == 200) Assert.Equal(state.ToString(), answer.Json.GetProperty("state").GetString());
        }
    }

    [Fact]
    public async Task Two_hundred_clients_at_once_get_well_formed_answers_that_the_table_knows()
    {
        const int Clients = 200;
        using RestVmm vmm = await RestVmm.StartAsync();
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var codes = new ConcurrentDictionary<string, int>();

        async Task Storm(int seed)
        {
            var random = new Random(seed);
            using ApiClient client = vmm.Open();
            while (!end.IsCancellationRequested)
            {
                Rule rule = Rules[random.Next(Rules.Length)];
                ApiAnswer answer = await client.SendAsync(rule.Verb, rule.Operation, rule.HasBody ? Config : null);
                CheckShape(answer);
                Assert.True(rule.InState.Any(possible => possible.Code == answer.Code), $"{rule.Operation}: {answer}{vmm.Process.Everything()}");
                codes.AddOrUpdate($"{rule.Operation} {answer.Code}", 1, (_, count) => count + 1);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Clients).Select(Storm)).WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
        Assert.All(Rules, rule => Assert.True(rule.InState.Any(possible => codes.ContainsKey($"{rule.Operation} {possible.Code}")), rule.Operation));

        // The VMM lives, and a VM can be made.
        using ApiClient last = vmm.Open();
        Assert.Equal(204, (await last.PutAsync("vm.delete")).Code);
        Assert.Equal(204, (await last.PutAsync("vm.create", Config)).Code);
        Assert.Equal(204, (await last.PutAsync("vm.boot")).Code);
        Assert.Equal("Running", (await last.GetAsync("vm.info")).Json.GetProperty("state").GetString());
    }

    private static void CheckShape(ApiAnswer answer)
    {
        Assert.Equal($"HTTP/1.1 {answer.Code} ", answer.StatusLine);
        if (answer.Code == 204)
        {
            Assert.Equal(["Server: Cloud Hypervisor API", "Connection: keep-alive"], answer.Headers);
            return;
        }

        Assert.Equal(["Server: Cloud Hypervisor API", "Connection: keep-alive", "Content-Type: application/json"], answer.Headers.Take(3));
        if (answer.Code == 200) Assert.Equal(JsonValueKind.Object, answer.Json.ValueKind);
        else Assert.Equal("Error from API", answer.Errors[0]);
    }
}
