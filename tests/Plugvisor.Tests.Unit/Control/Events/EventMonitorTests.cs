using System.Diagnostics;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Plugvisor.Control.Events;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Tests.Unit.Linux;
using Xunit;

namespace Plugvisor.Tests.Unit.Control.Events;

public sealed class EventMonitorTests : IDisposable
{
    private const int Flood = 5000;

    private readonly EventHub _hub = new(TimeProvider.System);
    private readonly WaitableLog _log = new();
    private readonly string _fifo = Path.Combine(Path.GetTempPath(), $"plugvisor-fifo-{Guid.NewGuid():N}");

    public void Dispose()
    {
        File.Delete(_fifo);
        _log.Dispose();
    }

    [Fact]
    public void A_file_is_emptied_and_gets_each_record_and_an_empty_line()
    {
        using var file = new TemporaryFile("what was there before, and longer than anything that follows ........................."u8);
        using (new EventMonitor(_hub, ByteSink.Open(file.Path), file.Path, _log))
        {
            _hub.Publish("vmm", "starting");
            _hub.Publish("virtio-device", "activated", new Dictionary<string, string> { ["id"] = "_disk0" });
            _hub.Complete();
        }

        string text = Regex.Replace(File.ReadAllText(file.Path), "\"(secs|nanos)\": [0-9]+", "\"$1\": N");
        Assert.Equal(
            """
            {
              "timestamp": {
                "secs": N,
                "nanos": N
              },
              "source": "vmm",
              "event": "starting",
              "properties": null
            }

            {
              "timestamp": {
                "secs": N,
                "nanos": N
              },
              "source": "virtio-device",
              "event": "activated",
              "properties": {
                "id": "_disk0"
              }
            }


            """, text);
        Assert.Equal(0, _log.Count);
    }

    [Fact]
    public void A_new_file_is_the_owners_only()
    {
        string path = _fifo;
        using (ByteSink.Open(path)) { }
        Assert.Equal(0, (int)(File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)));
    }

    [Fact]
    public async Task A_fifo_that_nobody_reads_stalls_no_publisher_and_its_later_reader_is_told_what_it_missed()
    {
        MakeFifo();
        using var monitor = new EventMonitor(_hub, ByteSink.Open(_fifo), _fifo, _log);
        // The FIFO and the queue are full after the first pieces, so that all the others would wait.
        const int Pieces = 10;
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < Flood;)
        {
            long start = Stopwatch.GetTimestamp();
            for (int last = i + (Flood / Pieces); i < last; i++) _hub.Publish("vm", $"e{i}");
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            if (i > Flood / 2 && took < best) best = took;
        }

        Assert.InRange(best, TimeSpan.Zero, TimeSpan.FromSeconds(2) / Pieces);
        Assert.Equal($"Warning: event monitor {_fifo}: its reader does not keep up, 1024 events wait; further ones are lost", _log.Next());

        await using var reader = new FileStream(_fifo, FileMode.Open, FileAccess.Read);
        int next = 0;
        long lost = 0;
        using var text = new StreamReader(reader);
        while (next + lost < Flood)
        {
            JsonElement record = ReadRecord(text);
            if (record.GetProperty("event").GetString() == "events-lost")
                lost += long.Parse(record.GetProperty("properties").GetProperty("count").GetString()!, null);
            else
                Assert.Equal($"e{next++ + lost}", record.GetProperty("event").GetString());
        }

        Assert.True(lost > 0);
        // In one row, or in several when the writer ran between publishers.
        for (long told = 0; told < lost;)
        {
            string line = _log.Next();
            if (line.Contains("does not keep up", StringComparison.Ordinal)) continue;
            Match match = Regex.Match(line, $"^Warning: event monitor {Regex.Escape(_fifo)}: ([0-9]+) events were lost because its reader did not keep up$");
            Assert.True(match.Success, line);
            told += long.Parse(match.Groups[1].Value, null);
        }

        _hub.Publish("vm", "after");
        Assert.Equal("after", ReadRecord(text).GetProperty("event").GetString());
        Assert.Equal(0, _log.Count);
    }

    [Fact]
    public async Task A_fifo_whose_reader_left_waits_for_the_next_one()
    {
        MakeFifo();
        Task<FileStream> opening = Task.Run(() => new FileStream(_fifo, FileMode.Open, FileAccess.Read), TestContext.Current.CancellationToken);
        using var monitor = new EventMonitor(_hub, ByteSink.Open(_fifo), _fifo, _log);
        await using (FileStream first = await opening)
        {
            using var text = new StreamReader(first);
            _hub.Publish("vm", "booting");
            Assert.Equal("booting", ReadRecord(text).GetProperty("event").GetString());
        }

        _hub.Publish("vm", "booted");
        await using FileStream second = await Task.Run(() => new FileStream(_fifo, FileMode.Open, FileAccess.Read), TestContext.Current.CancellationToken);
        using var later = new StreamReader(second);
        Assert.Equal("booted", ReadRecord(later).GetProperty("event").GetString());
    }

    [Fact]
    public void A_pipe_whose_reader_is_gone_ends_the_monitor_with_one_log_line()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.None);
        using var monitor = new EventMonitor(_hub, Adopt(pipe.SafePipeHandle), "fd=7", _log);
        pipe.ClientSafePipeHandle.Dispose();
        for (int i = 0; i < 100; i++) _hub.Publish("vm", "e");
        Assert.Equal("Warning: event monitor fd=7: its reader is gone, or it takes nothing any more; no more events are written", _log.Next());
        for (int i = 0; i < Flood; i++) _hub.Publish("vm", "e");
        monitor.Dispose();
        Assert.Equal(0, _log.Count);
    }

    [Fact]
    public void A_socket_that_is_not_read_and_then_closed_stalls_nobody()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_fifo));
        listener.Listen();
        var writer = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        GC.SuppressFinalize(writer);   // its descriptor is handed over below
        writer.Connect(new UnixDomainSocketEndPoint(_fifo));
        Socket reader = listener.Accept();
        using var monitor = new EventMonitor(_hub, Adopt(writer.SafeHandle), "fd=9", _log);
        for (int i = 0; i < Flood; i++) _hub.Publish("vm", "e");
        Assert.Contains("does not keep up", _log.Next(), StringComparison.Ordinal);
        reader.Dispose();
        Assert.Contains("its reader is gone", _log.Next(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_waits_half_a_second_for_a_reader_that_does_not_read()
    {
        MakeFifo();
        TimeSpan least = TimeSpan.FromMilliseconds(300), most = TimeSpan.FromSeconds(2), best = TimeSpan.MaxValue;
        for (int i = 0; i < 5 && best > most; i++)
        {
            var hub = new EventHub(TimeProvider.System);
            var monitor = new EventMonitor(hub, ByteSink.Open(_fifo), _fifo, _log);
            for (int events = 0; events < 1000; events++) hub.Publish("vm", "e");
            hub.Complete();
            long start = Stopwatch.GetTimestamp();
            monitor.Dispose();
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            Assert.True(took >= least, $"it waited for {took}");
            if (took < best) best = took;
            Assert.Equal($"Warning: event monitor {_fifo}: its reader did not take the last events", _log.Next());
        }

        Assert.InRange(best, least, most);
    }

    [Fact]
    public void A_full_device_ends_the_monitor()
    {
        using var monitor = new EventMonitor(_hub, ByteSink.Open("/dev/full"), "/dev/full", _log);
        _hub.Publish("vm", "booting");
        Assert.Contains("takes nothing any more", _log.Next(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_written_is_refused_with_its_reason()
    {
        Assert.Equal("open /nowhere/at/all: No such file or directory (errno 2)", Assert.Throws<LinuxException>(() => ByteSink.Open("/nowhere/at/all")).Message);
        Assert.Equal("descriptor 9999: Bad file descriptor (errno 9)", Assert.Throws<LinuxException>(() => ByteSink.Adopt(9999)).Message);
        using var file = new TemporaryFile();
        using FileStream reading = File.OpenRead(file.Path);
        int descriptor = (int)reading.SafeFileHandle.DangerousGetHandle();
        Assert.Equal($"write to descriptor {descriptor}: Bad file descriptor (errno 9)", Assert.Throws<LinuxException>(() => ByteSink.Adopt(descriptor)).Message);
    }

    /// <summary>Hands a descriptor over as a parent process would: the monitor owns it from now on.</summary>
    private static ByteSink Adopt(System.Runtime.InteropServices.SafeHandle handle)
    {
        var sink = ByteSink.Adopt((int)handle.DangerousGetHandle());
        handle.SetHandleAsInvalid();
        return sink;
    }

    private static JsonElement ReadRecord(StreamReader reader)
    {
        var record = new System.Text.StringBuilder();
        while (reader.ReadLine() is { Length: > 0 } line) record.Append(line);
        using var document = JsonDocument.Parse(record.ToString());
        return document.RootElement.Clone();
    }

    private void MakeFifo()
    {
        using var mkfifo = Process.Start("mkfifo", [_fifo]);
        mkfifo.WaitForExit();
        Assert.Equal(0, mkfifo.ExitCode);
    }
}
