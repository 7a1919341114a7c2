using System.Diagnostics;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>The server with the client that people use.</summary>
public sealed class CurlTests
{
    [Fact]
    public async Task Curl_gets_and_puts()
    {
        await using RestRig rig = await RestRig.StartAsync();

        Assert.Equal("""{"a":1} 200""", await CurlAsync(rig, "http://localhost/api/v1/vmm.ping"));
        Assert.Equal(" 204", await CurlAsync(rig, "-X", "PUT", "http://localhost/api/v1/vm.boot"));
        Assert.Equal(" 204", await CurlAsync(
            rig, "-X", "PUT", "http://localhost/api/v1/vm.create", "-H", "Accept: application/json", "-H", "Content-Type: application/json", "-d", "{}"));
        Assert.Equal("""["Not Found"] 404""", await CurlAsync(rig, "http://localhost/api/v1/nothing"));
        Assert.Equal(["vmm.ping", "vm.boot", "vm.create {}"], rig.Api.Asked);
    }

    [Fact]
    public async Task Curl_keeps_the_connection()
    {
        await using RestRig rig = await RestRig.StartAsync();

        Assert.Equal("""{"a":1} 1{"a":1} 0{"a":1} 0""", await CurlAsync(rig, "%{num_connects}",
            "http://localhost/api/v1/vmm.ping", "http://localhost/api/v1/vm.info", "http://localhost/api/v1/vm.counters"));
    }

    [Fact]
    public async Task Curl_waits_for_100_with_a_large_body_and_is_refused_one_that_is_too_large()
    {
        await using RestRig rig = await RestRig.StartAsync();
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, new string(' ', 3_000_000) + "{}", TestContext.Current.CancellationToken);
            Assert.Equal(" 204", await CurlAsync(rig, "-X", "PUT", "-H", "Expect: 100-continue", "-d", "@" + file, "http://localhost/api/v1/vm.create"));
            await File.WriteAllTextAsync(file, new string(' ', 5_000_000) + "{}", TestContext.Current.CancellationToken);
            Assert.EndsWith(" 400", await CurlAsync(
                rig, "-X", "PUT", "-H", "Expect: 100-continue", "--data-binary", "@" + file, "http://localhost/api/v1/vm.create"));
            Assert.EndsWith(" 400", await CurlAsync(
                rig, "-X", "PUT", "-H", "Expect:", "--data-binary", "@" + file, "http://localhost/api/v1/vm.create"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Curl_follows_events()
    {
        await using RestRig rig = await RestRig.StartAsync();
        Task<string> curl = CurlAsync(rig, "-N", "http://localhost/api/v1/vmm.events");
        while (!rig.Api.Events.HasSubscribers && !curl.IsCompleted) await Task.Delay(5, TestContext.Current.CancellationToken);   // curl's time is bounded

        rig.Api.Events.Publish("vm", "booted");
        rig.Api.Events.Complete();

        Assert.Matches("""^\{"timestamp":\{"secs":\d+,"nanos":\d+\},"source":"vm","event":"booted","properties":null\}\n 200$""", await curl);
    }

    private static Task<string> CurlAsync(RestRig rig, params string[] arguments) =>
        arguments[0].StartsWith('%') ? RunAsync(rig, " " + arguments[0], arguments[1..]) : RunAsync(rig, " %{http_code}", arguments);

    private static async Task<string> RunAsync(RestRig rig, string format, string[] arguments)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using Process curl = Process.Start(new ProcessStartInfo("curl", ["-sS", "--unix-socket", rig.Socket, "-w", format, .. arguments])
        {
            RedirectStandardOutput = true,
        })!;
        string output = await curl.StandardOutput.ReadToEndAsync(limit.Token);
        await curl.WaitForExitAsync(limit.Token);
        Assert.Equal(0, curl.ExitCode);
        return output;
    }
}
