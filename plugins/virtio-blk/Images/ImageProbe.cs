using Plugvisor.Linux.Files;

namespace Plugvisor.Plugins.VirtioBlk.Images;

/// <summary>
/// Looks at an image's first and last bytes, once, when it is opened. Those bytes may come from a guest, so the answer is only ever used
/// to refuse an image, never to interpret it.
/// </summary>
internal static class ImageProbe
{
    private const int HeadLength = 512;
    private const int FooterLength = 512;

    /// <summary>What the bytes look like; <see cref="ImageType.Raw"/> when like no format that is known here.</summary>
    public static ImageType Detect(LinuxFile file, ulong size)
    {
        Span<byte> head = stackalloc byte[HeadLength];
        head = head[..Math.Max(0, file.ReadAt(head, 0))];
        if (head.StartsWith("QFI"u8) && head.Length > 3 && head[3] == 0xfb) return ImageType.Qcow2;
        if (head.StartsWith("vhdxfile"u8)) return ImageType.Vhdx;
        if (head.StartsWith("KDMV"u8) || head.StartsWith("# Disk DescriptorFile"u8)) return ImageType.FlatVmdk;
        if (head.StartsWith("conectix"u8)) return ImageType.FixedVhd;   // a dynamic one starts with a copy of its footer
        if (size < FooterLength) return ImageType.Raw;
        Span<byte> footer = stackalloc byte[8];
        return file.ReadAt(footer, size - FooterLength) == footer.Length && footer.SequenceEqual("conectix"u8)
            ? ImageType.FixedVhd : ImageType.Raw;
    }

    /// <summary>The type as it is spelled on the command line.</summary>
    public static string Spell(ImageType type) => type switch
    {
        ImageType.Qcow2 => "qcow2",
        ImageType.FixedVhd => "vhd",
        ImageType.Vhdx => "vhdx",
        ImageType.FlatVmdk => "vmdk",
        _ => "raw",
    };
}
