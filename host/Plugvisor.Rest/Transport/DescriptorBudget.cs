namespace Plugvisor.Rest.Transport;

/// <summary>
/// How many descriptors that clients sent may wait for the end of their requests. A process that is out of descriptors is in danger: the .NET
/// runtime needs some for a new thread, and ends the process when it gets none.
/// </summary>
internal sealed class DescriptorBudget(int limit)
{
    private int _waiting;

    /// <summary>Takes some in.</summary>
    /// <returns>False when that would be too many; nothing is taken in then.</returns>
    public bool TryAdd(int count)
    {
        if (Interlocked.Add(ref _waiting, count) <= limit) return true;
        Remove(count);
        return false;
    }

    /// <summary>They wait no more.</summary>
    public void Remove(int count) => Interlocked.Add(ref _waiting, -count);
}
