namespace Plugvisor.Linux.Files;

/// <summary>Device numbers as one number.</summary>
internal static class DeviceNumbers
{
    /// <summary>glibc's makedev, so that numbers are those that stat(1) shows.</summary>
    public static ulong Make(uint major, uint minor) =>
        ((ulong)(major & 0xfffff000) << 32) | ((ulong)(major & 0xfff) << 8) | ((ulong)(minor & 0xffffff00) << 12) | (minor & 0xff);
}
