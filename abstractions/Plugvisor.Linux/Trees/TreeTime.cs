using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

/// <summary><c>struct timespec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct TreeTime(long Seconds, long Nanoseconds);
