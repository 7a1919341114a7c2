using Plugvisor.Linux.Files;

namespace Plugvisor.Rest.Transport;

/// <summary>Descriptors between the socket and the request that they belong to.</summary>
internal sealed class DescriptorInbox : IReceivedDescriptors, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<(long Position, List<FileDescriptor> Descriptors)> _waiting = new();
    private bool _closed;

    /// <summary>Puts some in.</summary>
    /// <param name="position">The last byte that they came with.</param>
    /// <param name="descriptors">They are the inbox's now.</param>
    public void Add(long position, List<FileDescriptor> descriptors)
    {
        lock (_lock)
        {
            if (!_closed)
            {
                _waiting.Enqueue((position, descriptors));
                return;
            }
        }

        Close(descriptors);
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileDescriptor> Take(long end)
    {
        List<FileDescriptor>? taken = null;
        lock (_lock)
        {
            while (_waiting.TryPeek(out var first) && first.Position < end)
            {
                _waiting.Dequeue();
                if (taken is null) taken = first.Descriptors;
                else taken.AddRange(first.Descriptors);
            }
        }

        return taken is null ? [] : taken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock) _closed = true;
        foreach ((_, List<FileDescriptor> descriptors) in _waiting) Close(descriptors);
        _waiting.Clear();
    }

    private static void Close(List<FileDescriptor> descriptors)
    {
        foreach (FileDescriptor descriptor in descriptors) descriptor.Dispose();
    }
}
