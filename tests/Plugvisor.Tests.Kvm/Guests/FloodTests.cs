using Plugvisor.Tests.Kvm.Api;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>Hostile case 34: a guest floods its consoles, and nobody reads.</summary>
public sealed class FloodTests
{
    private const long ConsoleFlood = 32 << 20, SerialFlood = 160 << 10, RoomKib = 20 << 10;

    // Of the serial port more than a pipe or a pty holds: each byte is an exit. The VMM's terminal is a pipe that is open for reading and never read; of a pty nobody knows.
    [Theory]
    [InlineData("Tty", "Pty")]
    [InlineData("Pty", "Tty")]
    public async Task Hostile_34_floods_of_console_and_serial_port_that_nobody_reads_stop_nobody_and_take_little_memory(string serial, string console)
    {
        string pipe = Path.Combine("/var/tmp", $"plugvisor-test-{Guid.NewGuid():N}.pipe");
        try
        {
            using RestVmm vmm = await RestVmm.StartByAsync(["bash", "-c", "mkfifo \"$0\" && exec 9<>\"$0\" && exec \"$@\" >&9", pipe]);
            using ApiClient client = vmm.Open();
            string config = RestVmm.ConfigOf("console", $"serial={SerialFlood} flood={ConsoleFlood} secs=600")
                .Replace("""{"mode":"Tty"}""", $$"""{"mode":"{{serial}}"}""", StringComparison.Ordinal)
                .Replace("""{"mode":"Off"}""", $$"""{"mode":"{{console}}"}""", StringComparison.Ordinal);
            Assert.Equal(204, (await client.PutAsync("vm.create", config)).Code);
            long before = ResourceUse.Of(vmm.Process.Id).PrivateKib, most = 0;
            Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);

            // The serial port comes first, so both are through when the console is.
            long deadline = Environment.TickCount64 + 180_000;
            while (await SentAsync(client) < ConsoleFlood)
            {
                Assert.True(Environment.TickCount64 < deadline, $"{await SentAsync(client)} bytes only{vmm.Process.Everything()}");
                most = long.Max(most, ResourceUse.Of(vmm.Process.Id).PrivateKib);
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }

            most = long.Max(most, ResourceUse.Of(vmm.Process.Id).PrivateKib);
            TestContext.Current.TestOutputHelper?.WriteLine($"{most - before} KiB more");
            Assert.True(most < before + RoomKib, $"{before} KiB became {most}");
            Assert.Contains("....", FirstOf(pipe), StringComparison.Ordinal);
            Assert.InRange(vmm.Process.Log.Split('\n').Length, 0, 20);
            Assert.Equal(200, (await client.PutAsync("vmm.shutdown")).Code);
            Assert.Equal(0, await vmm.Process.WaitForExitAsync());
        }
        finally
        {
            File.Delete(pipe);
        }
    }

    private static async Task<long> SentAsync(ApiClient client)
    {
        ApiAnswer answer = await client.GetAsync("vm.counters");
        return answer.Code == 200 ? answer.Json.GetProperty("__console").GetProperty("tx_bytes").GetInt64() : 0;
    }

    /// <summary>What waits in the pipe, as long as somebody has it open for writing.</summary>
    private static string FirstOf(string pipe)
    {
        using FileStream stream = new(pipe, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1);
        byte[] bytes = new byte[4096];
        return System.Text.Encoding.ASCII.GetString(bytes, 0, stream.Read(bytes));
    }
}
