using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Plugvisor.Bench.Suite.Tools;

/// <summary>A connection to the API of a VMM that asks for pings and takes the time.</summary>
internal sealed class PingClient : IDisposable
{
    private static readonly byte[] Request = Encoding.ASCII.GetBytes("GET /api/v1/vmm.ping HTTP/1.1\r\nHost: localhost\r\n\r\n");

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly byte[] _answer = new byte[4096];

    private PingClient()
    {
    }

    /// <summary>Connects as soon as somebody listens.</summary>
    public static PingClient Connect(string path)
    {
        var limit = Stopwatch.StartNew();
        while (true)
        {
            var client = new PingClient();
            try
            {
                client._socket.Connect(new UnixDomainSocketEndPoint(path));
                return client;
            }
            catch (SocketException) when (limit.Elapsed < TimeSpan.FromSeconds(30))
            {
                client.Dispose();
                Thread.Yield();
            }
        }
    }

    /// <summary>Asks once; the milliseconds it took.</summary>
    public double Ping()
    {
        long start = Stopwatch.GetTimestamp();
        _socket.Send(Request);
        Check(_socket.Receive(_answer));
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public void Dispose() => _socket.Dispose();

    private void Check(int count)
    {
        if (!_answer.AsSpan(0, count).StartsWith("HTTP/1.1 200 "u8))
            throw new InvalidOperationException($"a ping was answered '{Encoding.ASCII.GetString(_answer, 0, count)}'");
    }
}
