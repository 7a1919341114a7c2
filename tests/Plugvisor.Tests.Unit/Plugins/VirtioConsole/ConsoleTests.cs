using System.Buffers.Binary;
using System.Text;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Linux.Consoles;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioConsole;

public sealed class ConsoleTests : IDisposable
{
    private readonly GuestMemoryMock _ram = new();
    private readonly MockDeviceHost _host;
    private readonly FakeTerminal _terminal = new();
    private readonly ulong _buffer;

    public ConsoleTests()
    {
        _host = new MockDeviceHost(_ram);
        _host.Offer<ITerminalService>(_terminal);
        _buffer = _ram.Allocate(1 << 16);
    }

    public void Dispose()
    {
        _terminal.Dispose();
        _ram.Dispose();
    }

    [Fact]
    public void Output_and_keys_go_through_the_terminal()
    {
        using DriverHarness console = Started("""{"mode":"Tty"}""");
        Print(console, "login: ");
        Assert.Equal("login: ", Screen(7));

        console.Queues[0].Driver.Add(DriverBuffer.Writable(_buffer, 4), DriverBuffer.Writable(_buffer + 4, 64));
        console.Queues[0].Kick();
        _terminal.Keyboard.Write("root\r"u8);
        Assert.Equal(5u, console.Queues[0].Collect().Written);
        Assert.Equal("root\r", Encoding.ASCII.GetString(_ram.Bytes(_buffer, 5)));
        Assert.Equal(5ul, _host.MockCounters["rx_bytes"]);
        Assert.Equal(7ul, _host.MockCounters["tx_bytes"]);
        Assert.Equal(0ul, _host.MockCounters["tx_dropped_bytes"]);
    }

    [Fact]
    public void Keys_wait_for_buffers_also_over_a_pause()
    {
        using DriverHarness console = Started("""{"mode":"Tty"}""");
        _terminal.Keyboard.Write(new byte[3000]);
        _terminal.Keyboard.Write("end"u8);
        uint received = 0;
        for (int round = 0; received < 3003; round++)
        {
            console.Queues[0].Driver.Add(DriverBuffer.Writable(_buffer, 100));
            console.Queues[0].Kick();
            UsedChain used = console.Queues[0].Collect();
            Assert.InRange(used.Written, 1u, 100u);
            received += used.Written;
            if (round % 5 == 0)
            {
                console.Stop();
                Assert.Equal(0, console.Queues[0].InFlight);
                console.Resume();
            }
        }

        Assert.Equal(3003u, received);
    }

    [Fact]
    public void The_guest_learns_the_terminals_size_and_its_changes()
    {
        using DriverHarness console = Started("""{"mode":"Tty"}""");
        Assert.Equal((80, 25), Size(console));
        Assert.Equal(0, console.Transport.ConfigChanges);
        _terminal.Resize(new TerminalSize(80, 25));
        Assert.Equal(0, console.Transport.ConfigChanges);
        _terminal.Resize(new TerminalSize(132, 43));
        Assert.Equal(1, console.Transport.ConfigChanges);
        Assert.Equal((132, 43), Size(console));
        console.Reset();
        _terminal.Resize(new TerminalSize(100, 30));   // nobody to tell, and no harm
        console.Start();
        Assert.Equal((100, 30), Size(console));
        Assert.Equal(0, console.Transport.ConfigChanges);
    }

    [Fact]
    public void The_terminal_is_given_back_and_only_one_console_is_typed_to()
    {
        var console = new DriverHarness(ConsoleConformanceTests.CreateConsole(_host, """{"mode":"Tty"}"""), _host);
        Assert.Equal("__console", _terminal.Owner);
        using (new DriverHarness(ConsoleConformanceTests.CreateConsole(_host, """{"mode":"Tty"}"""), _host))
            Assert.Equal("__console", _terminal.Owner);
        Assert.Equal("__console", _terminal.Owner);
        console.Dispose();
        Assert.Null(_terminal.Owner);
    }

    [Fact]
    public void Hostile_34_a_flood_against_a_blocked_reader_bounds_memory_and_stops_nobody()
    {
        using DriverHarness console = Started("""{"mode":"Tty"}""");
        for (int i = 0; i < 256; i++) Assert.Equal(0u, console.Queues[1].Call(DriverBuffer.Readable(_buffer, 1 << 16)));   // 16 MiB
        Assert.InRange(_host.MockCounters["tx_dropped_bytes"], 14ul << 20, 15ul << 20);
        Print(console, "last words");

        // Who reads in the end gets the newest megabyte.
        var reader = new Thread(() =>
        {
            byte[] chunk = new byte[1 << 16];
            var tail = new StringBuilder();
            while (!tail.ToString().Contains("last words", StringComparison.Ordinal))
            {
                int count = _terminal.Screen.Read(chunk);
                tail.Clear().Append(Encoding.ASCII.GetString(chunk, 0, count));
            }
        });
        reader.Start();
        Assert.True(reader.Join(DriverHarness.Deadline));
        Assert.Empty(_host.Failures);
    }

    [Fact]
    public void A_pty_reports_its_path_and_works_both_ways()
    {
        using DriverHarness console = Started("""{"mode":"Pty"}""");
        KeyValuePair<string, string> path = Assert.Single(((ICompletesConfig)console.Device).CompletedConfig);
        Assert.Equal("file", path.Key);
        using var file = File.OpenHandle(path.Value, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        int descriptor = (int)file.DangerousGetHandle();
        using var client = new TerminalBackend(descriptor, descriptor);
        using var pump = new BackendPump(client);
        Print(console, "hello\n");
        Assert.Equal("hello\n", pump.ReadUntil(6));
        console.Queues[0].Driver.Add(DriverBuffer.Writable(_buffer, 64));
        console.Queues[0].Kick();
        client.Write("ls\r"u8);
        Assert.Equal(3u, console.Queues[0].Collect().Written);
        Assert.Equal((0, 0), Size(console));
    }

    [Fact]
    public void A_file_gets_the_output()
    {
        string path = Path.GetTempFileName();
        using (DriverHarness console = Started($$"""{"mode":"File","file":"{{path}}"}""")) Print(console, "to the file");
        Assert.Equal("to the file", File.ReadAllText(path));
        File.Delete(path);
    }

    [Fact]
    public void Null_takes_everything()
    {
        using DriverHarness console = Started("""{"mode":"Null"}""");
        Print(console, "nobody hears");
        Assert.Equal(12ul, _host.MockCounters["tx_bytes"]);
    }

    [Theory]
    [InlineData("""{"mode":"Socket","socket":"/tmp/s"}""", "no socket mode")]
    [InlineData("""{"mode":"File"}""", "Path missing when using file console mode")]
    [InlineData("""{"mode":"File","file":"/no/such/folder/log"}""", "cannot open the console")]
    [InlineData("""{"mode":"Off"}""", "mode Off")]
    [InlineData("""{}""", "mode")]
    public void What_cannot_be_is_an_error_with_the_reason(string config, string reason)
    {
        var error = Assert.ThrowsAny<DeviceException>(() => ConsoleConformanceTests.CreateConsole(_host, config));
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Without_a_terminal_mode_tty_is_an_error()
    {
        var error = Assert.Throws<DeviceException>(
            () => ConsoleConformanceTests.CreateConsole(new MockDeviceHost(_ram), """{"mode":"Tty"}"""));
        Assert.Contains("no terminal", error.Message);
    }

    private DriverHarness Started(string config)
    {
        var console = new DriverHarness(ConsoleConformanceTests.CreateConsole(_host, config), _host);
        console.Start();
        return console;
    }

    private void Print(DriverHarness console, string text)
    {
        Encoding.ASCII.GetBytes(text, _ram.Bytes(_buffer, text.Length));
        Assert.Equal(0u, console.Queues[1].Call(DriverBuffer.Readable(_buffer, (uint)text.Length)));
    }

    private string Screen(int length)
    {
        byte[] text = new byte[length];
        _terminal.Screen.ReadExactly(text);
        return Encoding.ASCII.GetString(text);
    }

    private static (int Columns, int Rows) Size(DriverHarness console)
    {
        Span<byte> config = stackalloc byte[4];
        console.Device.ReadConfig(0, config);
        return (BinaryPrimitives.ReadUInt16LittleEndian(config), BinaryPrimitives.ReadUInt16LittleEndian(config[2..]));
    }
}
