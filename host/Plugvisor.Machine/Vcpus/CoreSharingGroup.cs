using Plugvisor.Linux.Threads;

namespace Plugvisor.Machine.Vcpus;

/// <summary>
/// Gives each vCPU thread its core scheduling cookie. Where the kernel or the machine has no such thing, nothing happens: without hyperthreads
/// there is nothing to share.
/// </summary>
internal sealed class CoreSharingGroup(CoreSharing sharing)
{
    private readonly Lock _lock = new();
    private int _leader;

    /// <summary>Called once on each vCPU thread, before it runs the guest.</summary>
    public void Join()
    {
        if (sharing == CoreSharing.Anything) return;
        lock (_lock)
        {
            if (sharing == CoreSharing.Never || _leader == 0)
            {
                if (CoreCookie.Create() == 0) _leader = CoreCookie.ThisThread();
            }
            else
            {
                _ = CoreCookie.ShareFrom(_leader);
            }
        }
    }
}
