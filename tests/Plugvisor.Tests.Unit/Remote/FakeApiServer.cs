using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Linux.Files;
using Xunit;

namespace Plugvisor.Tests.Unit.Remote;

/// <summary>
/// An API server that says what a test tells it, byte by byte, and remembers what it was asked, with the descriptors that came along.
/// </summary>
internal sealed unsafe partial class FakeApiServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly BlockingCollection<FakeRequest> _requests = [];
    private readonly Thread _thread;
    private readonly Func<FakeRequest, string> _answer;

    /// <summary>Listens.</summary>
    /// <param name="answer">The whole answer to a request, status line and all; the connection is closed behind it.</param>
    public FakeApiServer(Func<FakeRequest, string> answer)
    {
        _answer = answer;
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"pv-{Guid.NewGuid():N}.sock");
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
        _thread = new Thread(Serve) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>A server that gives every request the same answer.</summary>
    public FakeApiServer(string answer) : this(_ => answer) { }

    public string Path { get; }

    /// <summary>The next request.</summary>
    public FakeRequest Next()
    {
        Assert.True(_requests.TryTake(out FakeRequest? request, TimeSpan.FromSeconds(20)), "no request within 20 s");
        return request;
    }

    public int Unread => _requests.Count;

    public void Dispose()
    {
        _listener.Dispose();
        _thread.Join(TimeSpan.FromSeconds(10));
        File.Delete(Path);
        _requests.Dispose();
    }

    private void Serve()
    {
        while (true)
        {
            try
            {
                using Socket connection = _listener.Accept();
                FakeRequest request = Receive((int)connection.SafeHandle.DangerousGetHandle());
                _requests.Add(request);
                connection.Send(Encoding.UTF8.GetBytes(_answer(request)));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (!_listener.IsBound || e is ObjectDisposedException || ((SocketException)e).SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted) return;
            }
        }
    }

    private static FakeRequest Receive(int connection)
    {
        var bytes = new List<byte>();
        var descriptors = new List<FileDescriptor>();
        byte[] buffer = new byte[65536];
        while (true)
        {
            int count = Receive(connection, buffer, descriptors, bytes.Count == 0);
            bytes.AddRange(buffer.AsSpan(0, count));
            string text = Encoding.UTF8.GetString([.. bytes]);
            int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end < 0 && count > 0) continue;
            if (end < 0) throw new SocketException((int)SocketError.ConnectionReset);   // it went away without a request
            int length = 0;
            foreach (string line in text[..end].Split("\r\n"))
            {
                if (line.StartsWith("Content-Length: ", StringComparison.Ordinal)) length = int.Parse(line.AsSpan(16), null);
            }

            if (bytes.Count >= end + 4 + length || count == 0) return new FakeRequest(text[..end], text[(end + 4)..], descriptors);
        }
    }

    private static int Receive(int connection, byte[] buffer, List<FileDescriptor> descriptors, bool isFirst)
    {
        byte* control = stackalloc byte[1100];
        fixed (byte* first = buffer)
        {
            // SAFETY: struct iovec and struct msghdr, by word.
            nint* vector = stackalloc nint[2] { (nint)first, buffer.Length };
            nint* message = stackalloc nint[7] { 0, 0, (nint)vector, 1, (nint)control, 1100, 0 };
            int count = (int)recvmsg(connection, message, 0);
            if (message[5] >= 16)
            {
                Assert.True(isFirst, "descriptors came later than with the first bytes");
                int number = (int)(*(nint*)control - 16) / sizeof(int);
                for (int i = 0; i < number; i++) descriptors.Add(new FileDescriptor(((int*)(control + 16))[i]));
            }

            return Math.Max(count, 0);
        }
    }

    [LibraryImport("libc")]
    private static partial nint recvmsg(int fd, nint* message, int flags);
}
