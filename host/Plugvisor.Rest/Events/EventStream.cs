using System.Buffers;
using System.IO.Pipelines;
using Plugvisor.Control.Events;
using Plugvisor.Rest.Http;

namespace Plugvisor.Rest.Events;

/// <summary>
/// Sends everything that happens in the VMM, one JSON document a line, until the client goes or the VMM ends. A client that does not read delays
/// nobody: its events wait up to a bound, and a line tells how many were lost beyond.
/// </summary>
internal static class EventStream
{
    private const int FlushAt = 32 * 1024;

    /// <summary>Sends.</summary>
    /// <param name="hub">The events.</param>
    /// <param name="output">The client.</param>
    /// <param name="capacity">How many events may wait for the client.</param>
    /// <param name="chunked">Whether the client knows chunks; otherwise the end of the connection is the end of the stream.</param>
    /// <param name="stop">The client is gone, or the server stops.</param>
    /// <returns>Whether the connection can be used for more.</returns>
    public static async Task<bool> SendAsync(EventHub hub, PipeWriter output, int capacity, bool chunked, CancellationToken stop)
    {
        // Subscribed before the head is sent: who has read the head misses nothing.
        using EventSubscription events = hub.Subscribe(capacity);
        ResponseWriter.WriteStreamHead(output, chunked);
        try
        {
            do
            {
                FlushResult flushed = await output.FlushAsync(stop).ConfigureAwait(false);
                if (flushed.IsCompleted) return false;
            }
            while (await WriteSomeAsync(events, output, chunked, stop).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // Who is still there gets a proper end.
        }

        if (chunked) output.Write("0\r\n\r\n"u8);
        return chunked && !stop.IsCancellationRequested;
    }

    /// <summary>Waits for an event and writes it with what else is there.</summary>
    /// <returns>False at the end.</returns>
    private static async ValueTask<bool> WriteSomeAsync(EventSubscription events, PipeWriter output, bool chunked, CancellationToken stop)
    {
        VmmEvent? next = await events.ReadAsync(stop).ConfigureAwait(false);
        if (next is null) return false;
        do
        {
            ResponseWriter.WriteStreamLine(output, chunked, next.ToCompactJson());
        }
        while (output.UnflushedBytes < FlushAt && events.TryRead(out next, out _));

        return true;
    }
}
