namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>Names of directory entries that come from a guest.</summary>
internal static class FuseName
{
    /// <summary>NAME_MAX: the longest name.</summary>
    public const int MaxLength = 255;

    /// <summary>
    /// Whether a name is one component and nothing else: this is what keeps a guest from naming anything outside of a directory, and openat2 is the
    /// second line behind it.
    /// </summary>
    /// <returns>0 or an errno.</returns>
    public static int Check(ReadOnlySpan<byte> name)
    {
        if (name.Length > MaxLength) return FuseSpec.ENAMETOOLONG;
        bool bad = name.IsEmpty || name.ContainsAny((byte)'/', (byte)0) || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8);
        return bad ? FuseSpec.EINVAL : 0;
    }
}
