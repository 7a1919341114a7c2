using System.Buffers;
using System.IO.Pipelines;

namespace Plugvisor.Rest.Http;

/// <summary>
/// Cuts a connection's bytes into requests. After something that cannot be parsed everything that has arrived is dropped and the connection stays
/// open, as in the interface; the rest of an announced body that is still on its way is dropped too, so that it is not taken for a request.
/// </summary>
internal sealed class RequestReader(PipeReader input, RestLimits limits, Deadline deadline)
{
    // How reading ended is a property and not a result: a task of a type of ours would be compiled at run time, on the way to the first answer.
    private const int LineEnd = 2, FirstPart = 64 * 1024;

    private readonly byte[] _line = new byte[limits.MaxLine + LineEnd];
    private uint _unwanted;
    private bool _stopping;

    /// <summary>The head of the request that was read last.</summary>
    public RequestHead Head { get; } = new();

    /// <summary>The body of the request that was read last.</summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    /// <summary>How the last read ended.</summary>
    public ReadStatus Status { get; private set; }

    /// <summary>What was wrong with the request, after <see cref="ReadStatus.Malformed"/>.</summary>
    public string Error { get; private set; } = "";

    /// <summary>Bytes since the beginning of the connection.</summary>
    public long Position { get; private set; }

    /// <summary>No request is begun any more. Any thread.</summary>
    public void Stop()
    {
        Volatile.Write(ref _stopping, true);
        input.CancelPendingRead();
    }

    /// <summary>Reads the next request up to the end of its headers; <see cref="Status"/> says how it went.</summary>
    public async Task ReadHeadAsync()
    {
        Head.Reset();
        Body = default;
        bool inHeaders = false;
        while (true)
        {
            ReadResult result = await input.ReadAsync().ConfigureAwait(false);
            ReadOnlySequence<byte> rest = result.Buffer;
            if (result.IsCanceled && Interrupted() is { } end)
            {
                input.AdvanceTo(rest.Start);
                Status = end;
                return;
            }

            if (_unwanted > 0 && !rest.IsEmpty && DropUnwanted(ref rest))
            {
                Consume(result.Buffer, rest);
                continue;
            }

            ReadStatus? status = ReadLines(ref rest, ref inHeaders);
            if (status == ReadStatus.Malformed)
            {
                ExpectBody(rest);
                rest = rest.Slice(rest.End);
            }

            Consume(result.Buffer, rest, examined: status is null);
            if (status is { } done)
            {
                deadline.Stop();
                Status = done;
                return;
            }

            if (result.IsCompleted)
            {
                Status = ReadStatus.Ended;
                return;
            }

            if (!deadline.IsRunning && (inHeaders || !rest.IsEmpty)) deadline.Start(limits.HeadTime, input.CancelPendingRead);
        }
    }

    /// <summary>Reads the body that the head announced. Memory grows with what arrives, not with what is announced. <see cref="Status"/> says how it went.</summary>
    public async Task ReadBodyAsync()
    {
        int length = (int)Head.ContentLength, have = 0;
        byte[] body = new byte[Math.Min(length, FirstPart)];
        deadline.Start(limits.BodyTime, input.CancelPendingRead);
        while (have < length)
        {
            ReadResult result = await input.ReadAsync().ConfigureAwait(false);
            if (result.IsCanceled && Interrupted() is { } end)
            {
                input.AdvanceTo(result.Buffer.Start);
                Status = end;
                return;
            }

            ReadOnlySequence<byte> part = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, length - have));
            int next = have + (int)part.Length;
            if (next > body.Length) Array.Resize(ref body, Math.Min(length, Math.Max(next, body.Length * 2)));
            part.CopyTo(body.AsSpan(have));
            have = next;
            Consume(result.Buffer, result.Buffer.Slice(part.End));
            if (have >= length || !result.IsCompleted) continue;
            Status = ReadStatus.Ended;
            return;
        }

        deadline.Stop();
        Body = body.AsMemory(0, length);
        Status = ReadStatus.Complete;
    }

    /// <summary>Begins of requests, as far as it takes to tell one from the middle of a document.</summary>
    private static bool LooksLikeRequest(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith("GET /"u8) || bytes.StartsWith("PUT /"u8) || bytes.StartsWith("PATCH /"u8) || bytes.StartsWith("DELETE /"u8)
        || bytes.StartsWith("GET http:"u8) || bytes.StartsWith("PUT http:"u8);

    /// <summary>Why a read was interrupted; null when it was for something that is over.</summary>
    private ReadStatus? Interrupted() =>
        Volatile.Read(ref _stopping) ? ReadStatus.Ended : deadline.IsExpired ? ReadStatus.TooSlow : null;

    private void Consume(in ReadOnlySequence<byte> buffer, in ReadOnlySequence<byte> rest, bool examined = false)
    {
        Position += buffer.Length - rest.Length;
        if (examined) input.AdvanceTo(rest.Start, rest.End);
        else input.AdvanceTo(rest.Start);
    }

    /// <returns>Null when more has to arrive.</returns>
    private ReadStatus? ReadLines(ref ReadOnlySequence<byte> rest, ref bool inHeaders)
    {
        while (true)
        {
            ReadOnlySpan<byte> window = Window(rest);
            int end = window.IndexOf("\r\n"u8);
            if (end < 0)
            {
                if (window.Length < _line.Length) return null;
                return Fail(inHeaders ? RequestHeadParser.TooLong(window[..limits.MaxLine]) : RequestHeadParser.InvalidRequest);
            }

            ReadOnlySpan<byte> line = window[..end];
            rest = rest.Slice(end + LineEnd);
            if (inHeaders && line.IsEmpty) return CheckBody();
            string? error = inHeaders ? RequestHeadParser.ReadHeader(line, Head) : RequestHeadParser.ReadRequestLine(line, Head);
            if (error is not null) return Fail(error);
            inHeaders = true;
        }
    }

    private ReadStatus CheckBody() => Head.ContentLength <= limits.MaxBody
        ? ReadStatus.Complete
        : Fail(RequestHeadParser.TooLarge(Head.ContentLength, limits.MaxBody));

    private ReadStatus Fail(string error)
    {
        Error = error;
        return ReadStatus.Malformed;
    }

    /// <summary>The next bytes in one piece, at most as many as a line and its end can have.</summary>
    private ReadOnlySpan<byte> Window(in ReadOnlySequence<byte> rest)
    {
        int length = (int)Math.Min(rest.Length, _line.Length);
        if (rest.FirstSpan.Length >= length) return rest.FirstSpan[..length];
        rest.Slice(0, length).CopyTo(_line);
        return _line.AsSpan(0, length);
    }

    /// <summary>Drops what is left of a refused body.</summary>
    /// <returns>False when a request is there instead: the client did not send the body.</returns>
    private bool DropUnwanted(ref ReadOnlySequence<byte> rest)
    {
        if (LooksLikeRequest(Window(rest)))
        {
            _unwanted = 0;
            return false;
        }

        uint dropped = (uint)Math.Min(_unwanted, rest.Length);
        _unwanted -= dropped;
        rest = rest.Slice(dropped);
        return true;
    }

    /// <summary>How much of a malformed request's body has not arrived, as far as its head tells.</summary>
    /// <param name="rest">What has arrived behind the line that is wrong.</param>
    private void ExpectBody(in ReadOnlySequence<byte> rest)
    {
        var reader = new SequenceReader<byte>(rest);
        // A body that is too large is found wrong at the end of its head, anything else within.
        bool isHeadOver = Head.ContentLength > limits.MaxBody;
        while (!isHeadOver && reader.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8))
        {
            isHeadOver = line.IsEmpty;
            if (!isHeadOver && line.Length <= limits.MaxLine)
                _ = RequestHeadParser.ReadHeader(line.IsSingleSegment ? line.FirstSpan : line.ToArray(), Head);
        }

        // Who waits for a 100 does not send the body after another answer.
        if (isHeadOver && !Head.ExpectsContinue && Head.ContentLength > reader.Remaining)
            _unwanted = Head.ContentLength - (uint)reader.Remaining;
    }
}
