using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Events;

/// <summary>The kernel's <c>struct epoll_event</c>, which x86-64 packs to 12 bytes.</summary>
/// <param name="Events">What is ready.</param>
/// <param name="Data">What was given when the descriptor was added.</param>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public readonly record struct EpollEvent(EpollEvents Events, ulong Data);
