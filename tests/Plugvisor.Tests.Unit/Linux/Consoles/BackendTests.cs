using System.Diagnostics;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Text;
using Plugvisor.Linux.Consoles;
using Plugvisor.Linux.Errors;
using Xunit;

namespace Plugvisor.Tests.Unit.Linux.Consoles;

public sealed class BackendTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("console").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_gets_all_output_and_starts_empty()
    {
        string path = Path.Combine(_folder, "log");
        File.WriteAllText(path, "something much longer from before");
        using (var backend = new FileBackend(path))
        {
            backend.Write("hello "u8);
            backend.Write("world"u8);
            Assert.Equal(0, backend.Read(new byte[4]));
        }

        Assert.Equal("hello world", File.ReadAllText(path));
    }

    [Fact]
    public void A_file_that_cannot_be_made_is_an_error_that_names_it()
    {
        string path = Path.Combine(_folder, "no", "log");
        var error = Assert.Throws<LinuxException>(() => new FileBackend(path));
        Assert.Contains(path, error.Message);
    }

    [Fact]
    public void A_full_disk_costs_output_but_never_throws()
    {
        using var backend = new FileBackend("/dev/full");
        backend.Write("lost"u8);
        Assert.Equal(4ul, backend.DroppedBytes);
    }

    [Fact]
    public void Pipes_carry_both_directions()
    {
        using var input = new AnonymousPipeServerStream(PipeDirection.Out);
        using var output = new AnonymousPipeServerStream(PipeDirection.In);
        using var backend = new TerminalBackend(Descriptor(input), Descriptor(output));
        using var pump = new BackendPump(backend);

        input.Write("ls\n"u8);
        Assert.Equal("ls\n", pump.ReadUntil(3));

        backend.Write("hello"u8);
        byte[] got = new byte[5];
        output.ReadExactly(got);
        Assert.Equal("hello", Encoding.ASCII.GetString(got));
    }

    [Fact]
    public void The_end_of_a_pipe_is_no_input_and_does_not_spin()
    {
        var input = new AnonymousPipeServerStream(PipeDirection.Out);
        int descriptor = Descriptor(input);
        using var backend = new TerminalBackend(descriptor, -1);
        using var pump = new BackendPump(backend);
        input.Write("bye"u8);
        input.SafePipeHandle.Dispose();   // the client's side stays ours, only the writer is gone
        Assert.Equal("bye", pump.ReadUntil(3));
        Assert.Equal(0, backend.Read(new byte[4]));
        input.Dispose();
    }

    [Fact]
    public void A_reader_that_does_not_read_bounds_the_memory_and_gets_the_newest_output()
    {
        using var output = new AnonymousPipeServerStream(PipeDirection.In);
        using var backend = new TerminalBackend(-1, Descriptor(output));
        using var pump = new BackendPump(backend);

        byte[] line = new byte[64 * 1024];
        const int Lines = 160;   // 10 MiB
        for (int i = 0; i < Lines; i++)
        {
            line.AsSpan().Fill((byte)('a' + i % 26));
            backend.Write(line);
        }

        ulong dropped = backend.DroppedBytes;
        long kept = (long)Lines * line.Length - (long)dropped;
        Assert.InRange(kept, StreamBackend.PendingBound, StreamBackend.PendingBound + (1 << 20));   // the bound and what the pipe holds

        // Reading makes room, the event comes, the rest follows.
        var reader = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        pump.Until(() =>
        {
            if (reader.Length < kept) reader.Write(buffer, 0, output.Read(buffer));
            return reader.Length == kept;
        }, "the pending output");
        Assert.Equal((byte)('a' + (Lines - 1) % 26), reader.ToArray()[^1]);
        Assert.Equal(dropped, backend.DroppedBytes);
    }

    [Fact]
    public void Disposing_does_not_wait_for_a_reader_that_never_reads()
    {
        using var output = new AnonymousPipeServerStream(PipeDirection.In);
        var backend = new TerminalBackend(-1, Descriptor(output));
        backend.Write(new byte[512 * 1024]);
        long before = Environment.TickCount64;
        backend.Dispose();
        Assert.InRange(Environment.TickCount64 - before, 0, 10_000);
    }

    [Fact]
    public void A_pty_talks_to_clients_that_come_and_go()
    {
        using var backend = new PtyBackend();
        Assert.StartsWith("/dev/pts/", backend.Path);
        using var pump = new BackendPump(backend);
        backend.Write("before anybody came\n"u8);

        for (int round = 0; round < 3; round++)
        {
            using var file = File.OpenHandle(backend.Path!, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            int descriptor = (int)file.DangerousGetHandle();
            Assert.True(TerminalMode.IsTerminal(descriptor));
            using var client = new TerminalBackend(descriptor, descriptor);
            using var reader = new BackendPump(client);
            if (round == 0) Assert.Equal("before anybody came\n", reader.ReadUntil(20));   // raw: the newline is as it was sent

            client.Write([3, 13, 17]);   // Ctrl-C, Enter, Ctrl-Q go through untouched
            Assert.Equal("\u0003\r\u0011", pump.ReadUntil(3));
            backend.Write("out"u8);
            Assert.Equal("out", reader.ReadUntil(3));
        }
    }

    [Fact]
    public void A_pty_that_nobody_reads_bounds_the_memory()
    {
        using var backend = new PtyBackend();
        byte[] block = new byte[64 * 1024];
        for (int i = 0; i < 64; i++) backend.Write(block);
        Assert.InRange(backend.DroppedBytes, 2ul << 20, 4ul << 20);
    }

    [Fact]
    public void A_socket_keeps_output_until_a_client_comes_and_serves_one_at_a_time()
    {
        string path = Path.Combine(_folder, "s");
        using (var backend = new SocketBackend(path))
        {
            using var pump = new BackendPump(backend);
            backend.Write("boot log "u8);

            using var first = Connected(path);
            pump.Until(() => first.Available == 9, "output of before the connection");
            Assert.Equal("boot log ", Receive(first));
            using var second = Connected(path);
            first.Send("one"u8);
            second.Send("two"u8);
            Assert.Equal("one", pump.ReadUntil(3));
            backend.Write("to the first"u8);
            Assert.Equal("to the first", Receive(first));

            first.Dispose();
            Assert.Equal("two", pump.ReadUntil(3));
            backend.Write("to the second"u8);
            Assert.Equal("to the second", Receive(second));
        }

        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_socket_path_in_use_is_refused_and_left_alone()
    {
        string path = Path.Combine(_folder, "s");
        using var first = new SocketBackend(path);
        var error = Assert.Throws<LinuxException>(() => new SocketBackend(path));
        Assert.Contains(path, error.Message);
        Assert.True(File.Exists(path));
        Assert.Throws<LinuxException>(() => new SocketBackend(Path.Combine(_folder, new string('x', 200))));
    }

    [Fact]
    public void Raw_mode_is_restored_once_and_exactly()
    {
        using var pty = new PtyBackend();
        using var file = File.OpenHandle(pty.Path!, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Stty(pty.Path!, "sane");
        string before = Stty(pty.Path!, "-g");
        TerminalMode? mode = TerminalMode.EnterRaw((int)file.DangerousGetHandle());
        Assert.NotNull(mode);
        Assert.NotEqual(before, Stty(pty.Path!, "-g"));
        mode.Restore();
        Assert.Equal(before, Stty(pty.Path!, "-g"));

        // A later owner's mode is not touched by a late Dispose.
        Stty(pty.Path!, "-echo");
        string later = Stty(pty.Path!, "-g");
        mode.Dispose();
        Assert.Equal(later, Stty(pty.Path!, "-g"));
    }

    [Fact]
    public void A_pipe_has_no_raw_mode_and_no_size()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        Assert.Null(TerminalMode.EnterRaw(Descriptor(pipe)));
        Assert.False(TerminalWindow.TryGetSize(Descriptor(pipe), out _, out _));
    }

    [Fact]
    public void The_size_of_a_terminal_is_read()
    {
        using var pty = new PtyBackend();
        using var file = File.OpenHandle(pty.Path!, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Stty(pty.Path!, "cols", "132", "rows", "43");
        Assert.True(TerminalWindow.TryGetSize((int)file.DangerousGetHandle(), out ushort columns, out ushort rows));
        Assert.Equal((132, 43), (columns, rows));
    }

    private static string Stty(string path, params string[] arguments)
    {
        using var stty = Process.Start(new ProcessStartInfo("stty", ["-F", path, .. arguments]) { RedirectStandardOutput = true })!;
        string text = stty.StandardOutput.ReadToEnd();
        stty.WaitForExit();
        Assert.Equal(0, stty.ExitCode);
        return text;
    }

    private static int Descriptor(AnonymousPipeServerStream pipe) => (int)pipe.ClientSafePipeHandle.DangerousGetHandle();

    private static Socket Connected(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static string Receive(Socket socket)
    {
        byte[] buffer = new byte[4096];
        return Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
    }
}
