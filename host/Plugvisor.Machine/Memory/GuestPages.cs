using Plugvisor.Abstractions.Memory;

namespace Plugvisor.Machine.Memory;

/// <summary>Lets devices give the host memory back that the guest lends them. A machine's; any thread, until its RAM goes.</summary>
/// <param name="ram">The memory.</param>
internal sealed class GuestPages(GuestRam ram) : IGuestPages
{
    /// <inheritdoc/>
    public bool Release(ulong address, ulong length) => ram.Release(address, length);
}
