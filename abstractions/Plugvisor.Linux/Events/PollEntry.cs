using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Events;

/// <summary>The kernel's <c>struct pollfd</c>.</summary>
/// <param name="Descriptor">What to watch; a negative one is passed over.</param>
/// <param name="Events">What to wait for; errors and hang-up are always reported.</param>
[StructLayout(LayoutKind.Sequential)]
public record struct PollEntry(int Descriptor, PollEvents Events)
{
    /// <summary>What is ready, after the call.</summary>
    public PollEvents Ready;
}
