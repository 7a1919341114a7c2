using System.Buffers.Text;
using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// The way to a file whose O_PATH descriptor we have: its link in <c>/proc/self/fd</c>, which leads to that very file, whatever its name is by now. Only
/// ever made of our own descriptors.
/// </summary>
internal static unsafe class ProcPath
{
    /// <summary>Bytes that <see cref="Write"/> needs.</summary>
    public const int Length = 32;

    private static ReadOnlySpan<byte> Prefix => "/proc/self/fd/"u8;

    /// <summary>Writes the path with a NUL.</summary>
    public static void Write(byte* path, int descriptor)
    {
        Span<byte> target = new(path, Length);
        Prefix.CopyTo(target);
        bool written = Utf8Formatter.TryFormat(descriptor, target[Prefix.Length..], out int digits);
        System.Diagnostics.Debug.Assert(written);
        target[Prefix.Length + digits] = 0;
    }

    /// <summary>Opens the file once more.</summary>
    /// <returns>A descriptor or a negative errno.</returns>
    public static int Open(int descriptor, int flags)
    {
        byte* path = stackalloc byte[Length];
        Write(path, descriptor);
        return TreeCalls.OpenAt(TreeCalls.NoDirectory, path, flags, 0);
    }
}
