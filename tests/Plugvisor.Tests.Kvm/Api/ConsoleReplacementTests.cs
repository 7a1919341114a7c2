using System.Diagnostics;
using System.Text;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The console's code is replaced while output waits for a reader and keys come in.</summary>
public sealed class ConsoleReplacementTests
{
    private const int Flood = 75 * 4096;   // more than a terminal keeps, less than the device does
    private const string Greeting = "console ready\n";

    [Fact]
    public async Task Output_that_nobody_has_read_and_keys_reach_the_other_side_once_and_in_order()
    {
        using RestVmm vmm = await RestVmm.StartAsync("-v");
        using ApiClient client = vmm.Open();
        await BootAsync(client, """{"mode":"Pty"}""", $"flood={Flood} secs=120");
        string path = (await client.GetAsync("vm.info")).Json.GetProperty("config").GetProperty("console").GetProperty("file").GetString()!;
        await vmm.Process.WaitForAsync("console ready");   // on the serial line, when all of it was given to the console
        for (int i = 0; i < 3; i++) await ReloadAsync(vmm, client);

        using var terminal = new Terminal(path);
        for (int i = 0; i < 3; i++) await ReloadAsync(vmm, client);
        await terminal.WaitAsync(vmm, Greeting + new string('.', Flood));
        var typed = new StringBuilder();
        for (int i = 0; i < 5; i++)
        {
            typed.Append("line ").Append(i).Append('\n');
            await terminal.TypeAsync($"line {i}\n");
            await ReloadAsync(vmm, client);
        }

        await terminal.WaitAsync(vmm, Greeting + new string('.', Flood) + typed);
        Assert.Equal(0ul, (await client.GetAsync("vm.counters")).Json.GetProperty("__console").GetProperty("tx_dropped_bytes").GetUInt64());
        await terminal.TypeAsync("quit\n");
        Assert.Contains($"console echoed {typed.Length + 5} lines 6 ok", await vmm.Process.FinishAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_terminal_goes_over_to_the_successor()
    {
        using RestVmm vmm = await RestVmm.StartAsync("-v");
        using ApiClient client = vmm.Open();
        string serial = vmm.PathOf("serial");
        await BootAsync(client, """{"mode":"Tty"}""", "secs=120", $$"""{"mode":"File","file":"{{serial}}"}""");
        await vmm.Process.WaitForAsync("console ready");
        for (int i = 0; i < 5; i++)
        {
            await ReloadAsync(vmm, client);
            await vmm.Process.TypeAsync($"line {i}\n");
            await vmm.Process.WaitForAsync($"line {i}");
        }

        await vmm.Process.TypeAsync("quit\n");
        Assert.Equal("console ready\nline 0\nline 1\nline 2\nline 3\nline 4\nquit\n", (await vmm.Process.FinishAsync()).Replace("\r", "", StringComparison.Ordinal));
        Assert.Contains("console echoed 40 lines 6 ok", await File.ReadAllTextAsync(serial, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_gets_every_byte_once()
    {
        using RestVmm vmm = await RestVmm.StartAsync("-v");
        using ApiClient client = vmm.Open();
        string file = vmm.PathOf("output");
        await BootAsync(client, $$"""{"mode":"File","file":"{{file}}"}""", $"flood={64 << 20} secs=120");
        for (int i = 0; i < 3; i++) await ReloadAsync(vmm, client);
        await vmm.Process.WaitForAsync("console ready");
        Assert.Equal(200, (await client.PutAsync("vmm.shutdown")).Code);
        await vmm.Process.FinishAsync();
        string output = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        Assert.True(output.StartsWith(Greeting, StringComparison.Ordinal) && output.Length == Greeting.Length + (64 << 20), $"{output.Length} bytes");
    }

    private static async Task BootAsync(ApiClient client, string console, string options, string serial = """{"mode":"Tty"}""")
    {
        string config = $$"""
            {"payload":{"kernel":"{{GuestImages.Of("console")}}","cmdline":"{{options}}"},"memory":{"size":{{64 << 20}}},"serial":{{serial}},"console":{{console}}}
            """;
        Assert.Equal(204, (await client.PutAsync("vm.create", config)).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
    }

    private static async Task ReloadAsync(RestVmm vmm, ApiClient client)
    {
        ApiAnswer answer = await client.PutAsync("vmm.reload-plugin", """{"id":"virtio-console"}""");
        Assert.True(answer.Code == 200, $"{answer}{vmm.Process.Everything()}");
    }

    /// <summary>The other end of a pseudo-terminal, in processes of its own: a terminal that this one opens could become its controlling one.</summary>
    private sealed class Terminal : IDisposable
    {
        private readonly Process _reader, _writer;
        private readonly StringBuilder _output = new();

        public Terminal(string path)
        {
            _reader = Start("cat", path);
            _writer = Start("sh", "-c", $"exec cat >{path}");
            _ = PumpAsync();
        }

        public async Task TypeAsync(string text)
        {
            await _writer.StandardInput.WriteAsync(text);
            await _writer.StandardInput.FlushAsync();
        }

        /// <summary>Waits until so much has come, which has to be this.</summary>
        public async Task WaitAsync(RestVmm vmm, string output)
        {
            string now = "";
            await vmm.UntilAsync(() => Task.FromResult((now = Output).Length >= output.Length), Differs);
            Assert.True(now == output, Differs());

            string Differs() => $"{now.Length} bytes came in place of {output.Length}; the last are {now[^Math.Min(now.Length, 60)..]}";
        }

        public void Dispose()
        {
            foreach (Process process in new[] { _reader, _writer })
            {
                if (!process.HasExited) process.Kill();
                process.WaitForExit();
                process.Dispose();
            }
        }

        private string Output
        {
            get
            {
                lock (_output) return _output.ToString();
            }
        }

        private static Process Start(string program, params string[] arguments) =>
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })
            ?? throw new InvalidOperationException($"{program} does not start");

        private async Task PumpAsync()
        {
            char[] buffer = new char[4096];
            int count;
            while ((count = await _reader.StandardOutput.ReadAsync(buffer)) > 0)
            {
                lock (_output) _output.Append(buffer, 0, count);
            }
        }
    }
}
