namespace Plugvisor.Tests.Unit.Machine.Boot;

/// <summary>Makes small bzImage files, good ones and broken ones.</summary>
internal static class BzImageFile
{
    public const int SetupSectors = 2;
    public const int Offset = (SetupSectors + 1) * 512;

    /// <summary>A header of protocol 2.15 and <paramref name="body"/> bytes 0xCD of kernel.</summary>
    public static byte[] Make(int body = 0x4000)
    {
        var image = new byte[Offset + body];
        image[0x1F1] = SetupSectors;
        ElfImage.Put32(image, 0x1F4, (uint)body / 16);
        ElfImage.Put16(image, 0x1FE, 0xAA55);
        image[0x200] = 0xEB;
        image[0x201] = 0x6A;                        // the header ends at 0x26C
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        ElfImage.Put16(image, 0x206, 0x020F);
        image[0x211] = 1;                           // loaded high
        ElfImage.Put32(image, 0x214, 0x10_0000);
        ElfImage.Put32(image, 0x22C, 0x7FFF_FFFF);
        ElfImage.Put32(image, 0x230, 0x20_0000);
        image[0x234] = 1;                           // relocatable
        ElfImage.Put16(image, 0x236, 0x3F);
        ElfImage.Put32(image, 0x238, 2047);
        ElfImage.Put64(image, 0x258, 0x100_0000);   // prefers 16 MiB
        ElfImage.Put32(image, 0x260, 0x40_0000);    // needs 4 MiB
        image.AsSpan(Offset).Fill(0xCD);
        return image;
    }
}
