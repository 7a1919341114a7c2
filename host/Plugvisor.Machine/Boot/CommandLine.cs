using Plugvisor.Abstractions.Memory;

namespace Plugvisor.Machine.Boot;

/// <summary>The kernel command line in guest RAM.</summary>
internal static class CommandLine
{
    /// <summary>Writes it with a NUL behind it.</summary>
    /// <param name="kernel">Named in errors.</param>
    /// <param name="memory">Guest RAM.</param>
    /// <param name="text">UTF-8 without NUL.</param>
    /// <param name="limit">The most bytes, without the NUL, that the kernel takes.</param>
    /// <exception cref="BootException">It is too long, or has a NUL in it.</exception>
    public static void Write(PayloadFile kernel, GuestMemory memory, ReadOnlySpan<byte> text, int limit)
    {
        if (text.Length > limit)
            throw new BootException($"the command line has {text.Length} bytes: {kernel.Name} takes at most {limit}");
        if (text.IndexOf((byte)0) >= 0) throw new BootException("the command line has a NUL character in it");
        if (!memory.TryWrite(BootLayout.CommandLine, text) || !memory.TryWrite(BootLayout.CommandLine + (ulong)text.Length, [0]))
            throw kernel.OutsideRam("the command line", BootLayout.CommandLine, (ulong)text.Length + 1);
    }
}
