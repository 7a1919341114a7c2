using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Rest.Transport;

/// <summary>Descriptors between the socket and the request that they belong to.</summary>
internal sealed class DescriptorInbox(DescriptorBudget budget) : IReceivedDescriptors, IDisposable
{
    // One more than any operation takes, so that a request with too many is still seen to have too many.
    private const int MaxWaiting = UnixStream.MaxDescriptors + 1;

    private readonly Lock _lock = new();
    private readonly Queue<Message> _messages = new();
    private int _waiting;
    private bool _closed;

    /// <summary>Puts some in. What there is no room for is closed.</summary>
    /// <param name="position">The last byte that they came with.</param>
    /// <param name="descriptors">They are the inbox's now.</param>
    public void Add(long position, List<FileDescriptor> descriptors)
    {
        lock (_lock)
        {
            int room = _closed ? 0 : Math.Min(descriptors.Count, MaxWaiting - _waiting);
            if (!budget.TryAdd(room)) room = 0;
            for (int i = room; i < descriptors.Count; i++) descriptors[i].Dispose();
            if (room == 0) return;
            descriptors.RemoveRange(room, descriptors.Count - room);
            _messages.Enqueue(new Message(position, descriptors));
            _waiting += room;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileDescriptor> Take(long end)
    {
        List<FileDescriptor>? taken = null;
        lock (_lock)
        {
            while (_messages.TryPeek(out Message? first) && first.Position < end)
            {
                _messages.Dequeue();
                if (taken is null) taken = first.Descriptors;
                else taken.AddRange(first.Descriptors);
            }

            if (taken is null) return [];
            _waiting -= taken.Count;
        }

        budget.Remove(taken.Count);
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock) _closed = true;
        foreach (FileDescriptor descriptor in Take(long.MaxValue)) descriptor.Dispose();
    }

    private sealed record Message(long Position, List<FileDescriptor> Descriptors);
}
