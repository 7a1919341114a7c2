namespace Plugvisor.Machine.Memory;

/// <summary>How guest RAM is backed; the names are those of <c>--memory</c>.</summary>
/// <param name="Shared">Other processes (vhost-user back ends) may map it.</param>
/// <param name="HugePages">Back it with reserved huge pages.</param>
/// <param name="HugePageSize">Their size in bytes, a power of two; null for the host's default size.</param>
/// <param name="Prefault">Allocate all of it before the guest starts.</param>
/// <param name="TransparentHugePages">Let the kernel use huge pages by itself where the host allows it (<c>thp</c>).</param>
/// <param name="Mergeable">Let the kernel merge equal pages (KSM). Not with <paramref name="Shared"/>.</param>
/// <param name="Reserve">Have the kernel account for it at start, so that a lack of memory shows there.</param>
public sealed record GuestRamOptions(
    bool Shared = false,
    bool HugePages = false,
    ulong? HugePageSize = null,
    bool Prefault = false,
    bool TransparentHugePages = true,
    bool Mergeable = false,
    bool Reserve = false);
