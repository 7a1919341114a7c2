using Plugvisor.Linux.Limits;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// How many descriptors the guests of this process may make shared directories hold, all together: the runtime cannot live without a free one, and
/// other devices need some.
/// </summary>
internal sealed class DescriptorBudget(int limit)
{
    // A descriptor pins an inode and its name in the kernel, about 1.5 KiB.
    private const int Most = 65_536;
    private const int PartOfLimit = 4;

    private static readonly Lazy<DescriptorBudget> s_shared =
        new(static () => new DescriptorBudget((int)Math.Min(DescriptorLimit.Current / PartOfLimit, Most)));

    private int _taken;

    /// <summary>The one of all devices of this plugin.</summary>
    public static DescriptorBudget Shared => s_shared.Value;

    /// <summary>Descriptors in use.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Takes one, if there is one left.</summary>
    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= limit) return true;
        Interlocked.Decrement(ref _taken);
        return false;
    }

    /// <summary>Gives one back.</summary>
    public void Return() => Interlocked.Decrement(ref _taken);
}
