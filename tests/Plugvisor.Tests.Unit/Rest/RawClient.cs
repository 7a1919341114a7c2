using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>A client that sends what it is told and reads answers byte by byte; every wait has a deadline.</summary>
internal sealed partial class RawClient : IDisposable
{
    private const ulong SIOCOUTQ = 0x5411;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<byte> _received = [];

    public RawClient(string path) => _socket.Connect(new UnixDomainSocketEndPoint(path));

    public Task SendAsync(string bytes) => SendAsync(Encoding.Latin1.GetBytes(bytes));

    public async Task SendAsync(byte[] bytes)
    {
        using var limit = new CancellationTokenSource(Deadline);
        for (int sent = 0; sent < bytes.Length;) sent += await _socket.SendAsync(bytes.AsMemory(sent), limit.Token);
    }

    /// <summary>Sends, and waits until the server has read it all.</summary>
    public async Task SendAndBeReadAsync(string bytes)
    {
        await SendAsync(bytes);
        using var limit = new CancellationTokenSource(Deadline);
        for (int unread = -1; unread != 0;)
        {
            Assert.Equal(0, ioctl(_socket.SafeHandle, SIOCOUTQ, out unread));
            if (unread != 0) await Task.Delay(1, limit.Token);
        }
    }

    /// <summary>Nothing more will be sent.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Reads one answer; its body is as long as its Content-Length says.</summary>
    public async Task<RawAnswer> ReadAsync()
    {
        string head = await ReadHeadAsync();
        const string Length = "Content-Length: ";
        int at = head.IndexOf(Length, StringComparison.Ordinal);
        int length = at < 0 ? 0 : int.Parse(head[(at + Length.Length)..head.IndexOf("\r\n", at, StringComparison.Ordinal)]);
        while (_received.Count < length) Assert.True(await ReceiveAsync(), "the connection ended inside an answer");
        return new RawAnswer(head, Take(length));
    }

    /// <summary>Reads the head of an answer.</summary>
    public Task<string> ReadHeadAsync() => ReadThroughAsync("\r\n\r\n");

    /// <summary>Reads up to and with a text.</summary>
    public async Task<string> ReadThroughAsync(string text)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(text);
        int at;
        while ((at = CollectionsMarshal.AsSpan(_received).IndexOf(wanted)) < 0)
        {
            if (!await ReceiveAsync()) Assert.Fail($"the connection ended without '{text}' after '{Take(_received.Count)}'");
        }

        return Take(at + wanted.Length);
    }

    /// <summary>Reads what is left until the server closes.</summary>
    public async Task<string> ReadToEndAsync()
    {
        while (await ReceiveAsync())
        {
        }

        return Take(_received.Count);
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(Deadline);
        byte[] buffer = new byte[4096];
        int count;
        try
        {
            count = await _socket.ReceiveAsync(buffer, limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"no answer; so far '{Take(_received.Count)}'");
            return false;
        }

        _received.AddRange(buffer.AsSpan(0, count));
        return count > 0;
    }

    private string Take(int count)
    {
        string text = Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_received)[..count]);
        _received.RemoveRange(0, count);
        return text;
    }

    [LibraryImport("libc")]
    private static partial int ioctl(SafeHandle socket, ulong request, out int value);
}
