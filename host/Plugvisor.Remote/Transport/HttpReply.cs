using System.Globalization;
using System.Text;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Remote.Transport;

/// <summary>A reply as it comes from a socket: status and headers are read, the body waits. RFC 9112.</summary>
internal sealed class HttpReply
{
    private const int LongestLine = 64 * 1024, MostHeaders = 200, LargestBody = 1 << 30;

    private readonly UnixStream _stream;
    private readonly byte[] _buffer = new byte[LongestLine];
    private int _start, _end;
    private long? _length;
    private bool _isChunked;

    private HttpReply(UnixStream stream) => _stream = stream;

    /// <summary>The status code.</summary>
    public int Status { get; private set; }

    /// <summary>Waits for a reply.</summary>
    /// <exception cref="HttpReplyException">It is none.</exception>
    /// <exception cref="LinuxException">The connection broke.</exception>
    public static HttpReply Read(UnixStream stream)
    {
        var reply = new HttpReply(stream);
        do reply.ReadHead();
        while (reply.Status is >= 100 and < 200);   // interim ones
        return reply;
    }

    /// <summary>Reads a reply that may be there although sending failed.</summary>
    public static HttpReply? TryRead(UnixStream stream)
    {
        try
        {
            return Read(stream);
        }
        catch (Exception e) when (e is LinuxException or HttpReplyException)
        {
            return null;
        }
    }

    /// <summary>The whole body.</summary>
    public byte[] ReadBody()
    {
        using var body = new MemoryStream();
        ReadBody(part =>
        {
            if (body.Length + part.Length > LargestBody) throw new HttpReplyException("The server's reply is larger than 1 GiB");
            body.Write(part);
        });
        return body.ToArray();
    }

    /// <summary>Hands on the body as it comes.</summary>
    public void ReadBody(Action<ReadOnlySpan<byte>> received)
    {
        if (Status is 204 or 304) return;
        if (_isChunked) ReadChunks(received);
        else if (_length is { } length) ReadExactly(length, received);
        else
        {
            // Without a length the body ends with the connection.
            while (_start < _end || Fill()) received(Take(int.MaxValue));
        }
    }

    private void ReadHead()
    {
        string line = ReadLine();
        // "HTTP/1.1 204 ": this server sends no reason, others do.
        if (!line.StartsWith("HTTP/1.", StringComparison.Ordinal) || line.Length < 12 || line[8] != ' '
            || !int.TryParse(line.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out int status))
            throw new HttpReplyException($"The server's answer is no HTTP reply: {Shorten(line)}");
        Status = status;
        _length = null;
        _isChunked = false;
        for (int count = 0; (line = ReadLine()).Length > 0; count++)
        {
            if (count == MostHeaders) throw new HttpReplyException("The server's reply has no end of headers");
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) throw new HttpReplyException($"The server's reply has a header that is none: {Shorten(line)}");
            ReadOnlySpan<char> name = line.AsSpan(0, colon), value = line.AsSpan(colon + 1).Trim();
            if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long length))
                    throw new HttpReplyException($"The server's reply has no readable length: {Shorten(line)}");
                _length = length;
            }
            else if (name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase))
            {
                _isChunked = value.EndsWith("chunked", StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    private void ReadChunks(Action<ReadOnlySpan<byte>> received)
    {
        while (true)
        {
            string line = ReadLine();
            int extension = line.IndexOf(';', StringComparison.Ordinal);
            ReadOnlySpan<char> digits = (extension < 0 ? line : line.AsSpan(0, extension)).Trim();
            if (!long.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long size) || size < 0)
                throw new HttpReplyException($"The server's reply has a chunk of no size: {Shorten(line)}");
            if (size == 0) break;
            ReadExactly(size, received);
            if (ReadLine().Length > 0) throw new HttpReplyException("The server's reply has a chunk that is longer than it says");
        }

        while (ReadLine().Length > 0)
        {
            // trailers
        }
    }

    private void ReadExactly(long length, Action<ReadOnlySpan<byte>> received)
    {
        while (length > 0)
        {
            if (_start == _end && !Fill()) throw new HttpReplyException("The server closed the connection in the middle of its reply");
            ReadOnlySpan<byte> part = Take((int)Math.Min(length, int.MaxValue));
            length -= part.Length;
            received(part);
        }
    }

    private string ReadLine()
    {
        while (true)
        {
            int newline = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                ReadOnlySpan<byte> line = _buffer.AsSpan(_start, newline);
                _start += newline + 1;
                return Encoding.UTF8.GetString(line.TrimEnd((byte)'\r'));
            }

            if (_end == LongestLine && _start == 0) throw new HttpReplyException("The server's reply has a line without end");
            if (Fill()) continue;
            throw new HttpReplyException(_end == 0
                ? "The server closed the connection without an answer" : "The server closed the connection in the middle of its reply");
        }
    }

    private Span<byte> Take(int most)
    {
        int count = Math.Min(most, _end - _start);
        Span<byte> taken = _buffer.AsSpan(_start, count);
        _start += count;
        return taken;
    }

    /// <returns>False at the end.</returns>
    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        int count = _stream.Receive(_buffer.AsSpan(_end));
        _end += count;
        return count > 0;
    }

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..80] + "...";
}
