using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Threads;

/// <summary>
/// For whom the calling thread, and no other, opens and makes files: user and group of the filesystem (setfsuid(2)), effective capabilities, umask. Each
/// member is about the calling thread.
/// </summary>
public static unsafe partial class FileIdentity
{
    /// <summary>Bit of CAP_DAC_OVERRIDE.</summary>
    public const ulong OverridesPermissions = 1UL << 1;

    /// <summary>Bit of CAP_FSETID.</summary>
    public const ulong KeepsSetIdBits = 1UL << 4;

    /// <summary>Bits of CAP_SETGID and CAP_SETUID.</summary>
    public const ulong ChangesIds = 1UL << 6 | 1UL << 7;

    private const uint _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
    private const int CLONE_FS = 0x200;

    /// <summary>Effective capabilities, one bit each.</summary>
    public static ulong Capabilities
    {
        get
        {
            Read(out CapabilitySet set);
            return set.EffectiveLow | (ulong)set.EffectiveHigh << 32;
        }
    }

    /// <summary>Makes umask and working directory this thread's own, and the umask 0.</summary>
    /// <returns>Whether that worked; a sandbox can forbid it.</returns>
    public static bool TryDetachMask()
    {
        if (unshare(CLONE_FS) != 0) return false;
        _ = umask(0);
        return true;
    }

    /// <summary>The user that files are opened and made for. Leaving 0 takes capabilities over files out of the effective ones, coming back gives them.</summary>
    public static void SetUser(uint user) => _ = setfsuid(user);

    /// <summary>The group that files are made for.</summary>
    public static void SetGroup(uint group) => _ = setfsgid(group);

    /// <summary>Puts permitted capabilities into the effective ones, or takes them out.</summary>
    public static void SetCapabilities(ulong bits, bool on)
    {
        if (!Read(out CapabilitySet set)) return;
        set.EffectiveLow = on ? set.EffectiveLow | ((uint)bits & set.PermittedLow) : set.EffectiveLow & ~(uint)bits;
        CapabilityHeader header = new() { Version = _LINUX_CAPABILITY_VERSION_3 };
        _ = capset(&header, &set);
    }

    private static bool Read(out CapabilitySet set)
    {
        CapabilityHeader header = new() { Version = _LINUX_CAPABILITY_VERSION_3 };
        CapabilitySet read = default;
        bool done = capget(&header, &read) == 0;
        set = read;
        return done;
    }

    [LibraryImport("libc")]
    private static partial int setfsuid(uint user);

    [LibraryImport("libc")]
    private static partial int setfsgid(uint group);

    [LibraryImport("libc")]
    private static partial int unshare(int flags);

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);

    [LibraryImport("libc")]
    private static partial int capget(CapabilityHeader* header, CapabilitySet* data);

    [LibraryImport("libc")]
    private static partial int capset(CapabilityHeader* header, CapabilitySet* data);

    [StructLayout(LayoutKind.Sequential)]
    private struct CapabilityHeader
    {
        public uint Version;
        public int Process;
    }

    /// <summary>Two <c>struct __user_cap_data_struct</c>, for capabilities 0 to 31 and the rest.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct CapabilitySet
    {
        public uint EffectiveLow, PermittedLow, InheritableLow;
        public uint EffectiveHigh, PermittedHigh, InheritableHigh;
    }
}
