using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>
/// One kept connection to the API socket that reads answers as strictly as the stock remote client does: a status line without a reason,
/// <c>Content-Length: </c> in exactly this spelling. Every wait has a deadline.
/// </summary>
internal sealed class ApiClient : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly byte[] _buffer = new byte[1 << 20];
    private int _start, _end;

    private ApiClient()
    {
    }

    public static async Task<ApiClient> ConnectAsync(string path)
    {
        var client = new ApiClient();
        await client._socket.ConnectAsync(new UnixDomainSocketEndPoint(path)).WaitAsync(Deadline, TestContext.Current.CancellationToken);
        return client;
    }

    public Task<ApiAnswer> GetAsync(string operation) => SendAsync("GET", operation, null);

    public Task<ApiAnswer> PutAsync(string operation, string? body = null) => SendAsync("PUT", operation, body);

    /// <summary>Sends a request and reads its answer.</summary>
    public async Task<ApiAnswer> SendAsync(string verb, string operation, string? body)
    {
        var head = new StringBuilder($"{verb} /api/v1/{operation} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n");
        if (body is not null) head.Append(CultureInfo.InvariantCulture, $"Content-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n");
        await SendRawAsync(Encoding.UTF8.GetBytes(head.Append("\r\n").Append(body).ToString()));
        return await ReadAnswerAsync();
    }

    public async Task SendRawAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int sent = await _socket.SendAsync(bytes, SocketFlags.None, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline, TestContext.Current.CancellationToken);
            bytes = bytes[sent..];
        }
    }

    public async Task<ApiAnswer> ReadAnswerAsync()
    {
        string status = await ReadLineAsync();
        Assert.StartsWith("HTTP/1.1 ", status, StringComparison.Ordinal);
        var headers = new List<string>();
        int length = 0;
        while (await ReadLineAsync() is { Length: > 0 } header)
        {
            headers.Add(header);
            if (header.StartsWith("Content-Length: ", StringComparison.Ordinal)) length = int.Parse(header.AsSpan(16), NumberStyles.None, CultureInfo.InvariantCulture);
        }

        // What stands after the version is a number and nothing else.
        int code = int.Parse(status.AsSpan(9).Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
        return new ApiAnswer(code, status, headers, await ReadTextAsync(length));
    }

    public void Dispose() => _socket.Dispose();

    private async Task<string> ReadLineAsync()
    {
        int scanned = 0;
        while (true)
        {
            int at = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf("\r\n"u8);
            if (at >= 0)
            {
                string line = Encoding.UTF8.GetString(_buffer, _start, scanned + at);
                _start += scanned + at + 2;
                return line;
            }

            scanned = Math.Max(0, _end - _start - 1);
            await FillAsync();
        }
    }

    private async Task<string> ReadTextAsync(int length)
    {
        while (_end - _start < length) await FillAsync();
        string text = Encoding.UTF8.GetString(_buffer, _start, length);
        _start += length;
        return text;
    }

    private async Task FillAsync()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        Assert.True(_end < _buffer.Length, "the answer is longer than a mebibyte");
        int read = await _socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None, TestContext.Current.CancellationToken).AsTask()
            .WaitAsync(Deadline, TestContext.Current.CancellationToken);
        if (read == 0) throw new EndOfStreamException("the VMM closed the connection");
        _end += read;
    }
}
