using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Rest.Transport;

/// <summary>
/// One client: two loops between its socket and a pair of pipes. Kestrel's own socket transport cannot receive file descriptors, which is why this one
/// is here.
/// </summary>
internal sealed class UnixConnection : ConnectionContext, IPolled
{
    private const int MinimumRead = 4096, Gone = -1;
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(5);

    // The loops run where their work comes from: one hop from the poll thread to the thread pool for each request, none for its answer.
    private static readonly PipeOptions InputOptions = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.ThreadPool, pauseWriterThreshold: 256 * 1024,
        resumeWriterThreshold: 128 * 1024, useSynchronizationContext: false);

    private static readonly PipeOptions OutputOptions = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.ThreadPool, pauseWriterThreshold: 64 * 1024,
        resumeWriterThreshold: 32 * 1024, useSynchronizationContext: false);

    private readonly UnixStream _socket;
    private readonly SocketPoller _poller;
    private readonly Pipe _input = new(InputOptions), _output = new(OutputOptions);
    private readonly Readiness _readable = new(), _writable = new();
    private readonly DescriptorInbox _descriptors;
    private readonly Action _onClosed;
    private readonly CancellationTokenSource _closed = new();
    private ulong _pollId;
    private Task _receiving = Task.CompletedTask, _sending = Task.CompletedTask;
    private bool _stopped;
    private int _gone;

    /// <summary>A connection that does not run yet.</summary>
    /// <param name="socket">The client; the connection's from now on.</param>
    /// <param name="poller">Watches the socket.</param>
    /// <param name="budget">How many descriptors may wait.</param>
    /// <param name="endPoint">Where it came in.</param>
    /// <param name="id">Its name.</param>
    /// <param name="onClosed">Called when the socket is closed.</param>
    public UnixConnection(UnixStream socket, SocketPoller poller, DescriptorBudget budget, EndPoint endPoint, string id, Action onClosed)
    {
        _socket = socket;
        _poller = poller;
        _descriptors = new DescriptorInbox(budget);
        _onClosed = onClosed;
        ConnectionId = id;
        LocalEndPoint = endPoint;
        Transport = new DuplexPipe(_input.Reader, _output.Writer);
        ConnectionClosed = _closed.Token;
        Features.Set<IReceivedDescriptors>(_descriptors);
    }

    /// <inheritdoc/>
    public override string ConnectionId { get; set; }

    /// <inheritdoc/>
    public override IFeatureCollection Features { get; } = new FeatureCollection();

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    /// <summary>Starts both loops.</summary>
    /// <exception cref="IOException">The socket cannot be watched.</exception>
    public void Start()
    {
        _pollId = _poller.Add(_socket.Descriptor, this);
        _receiving = ReceiveAsync();
        _sending = SendAsync();
    }

    /// <inheritdoc/>
    public void OnReady(EpollEvents events)
    {
        _readable.Signal();
        _writable.Signal();
        if ((events & (EpollEvents.HangUp | EpollEvents.Error)) == 0 || Interlocked.Exchange(ref _gone, 1) != 0) return;
        ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), _closed, preferLocal: false);
    }

    /// <inheritdoc/>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        Volatile.Write(ref _stopped, true);
        _socket.Abort();
        _output.Reader.CancelPendingRead();
        _readable.Signal();
        _writable.Signal();
    }

    /// <summary>Sends what is left, within bounds, and closes. Called once, by Kestrel, after the connection's handler has ended.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _input.Reader.CompleteAsync().ConfigureAwait(false);
        await _output.Writer.CompleteAsync().ConfigureAwait(false);
        try
        {
            await _sending.WaitAsync(Linger).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Who takes nothing for that long gets no more.
        }

        Abort(new ConnectionAbortedException());
        await _sending.ConfigureAwait(false);
        await _receiving.ConfigureAwait(false);
        _poller.Remove(_pollId, _socket.Descriptor);
        _socket.Dispose();
        _descriptors.Dispose();
        _onClosed();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReceiveAsync()
    {
        PipeWriter writer = _input.Writer;
        long position = 0;
        await _readable.WaitAsync().ConfigureAwait(false);
        while (!Volatile.Read(ref _stopped))
        {
            int count = Receive(writer.GetMemory(MinimumRead).Span, ref position);
            if (count == UnixStream.WouldBlock)
            {
                await _readable.WaitAsync().ConfigureAwait(false);
                continue;
            }

            if (count <= 0) break;
            writer.Advance(count);
            FlushResult flushed = await writer.FlushAsync().ConfigureAwait(false);
            if (flushed.IsCompleted) break;
        }

        await writer.CompleteAsync().ConfigureAwait(false);
    }

    private int Receive(Span<byte> destination, ref long position)
    {
        List<FileDescriptor>? received = null;
        int count = _socket.TryReceive(destination, ref received);
        position += Math.Max(count, 0);
        if (received is not null) _descriptors.Add(position - 1, received);
        return count;
    }

    private async Task SendAsync()
    {
        PipeReader reader = _output.Reader;
        bool goesOn = true;
        while (goesOn)
        {
            ReadResult result = await reader.ReadAsync().ConfigureAwait(false);
            goesOn = !result.IsCanceled;
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                int sent = 0;
                while (goesOn && sent < segment.Length)
                {
                    int count = Volatile.Read(ref _stopped) ? Gone : _socket.TrySend(segment.Span[sent..]);
                    if (count == UnixStream.WouldBlock) await _writable.WaitAsync().ConfigureAwait(false);
                    else if (count >= 0) sent += count;
                    else goesOn = false;
                }
            }

            reader.AdvanceTo(result.Buffer.End);
            goesOn = goesOn && !result.IsCompleted;
        }

        await reader.CompleteAsync().ConfigureAwait(false);
    }

    private sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
