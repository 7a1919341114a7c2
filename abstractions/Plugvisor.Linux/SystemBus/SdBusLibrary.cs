using System.Runtime.InteropServices;

namespace Plugvisor.Linux.SystemBus;

/// <summary>libsystemd, which is looked for when D-Bus is asked for and not before: a host without it runs VMs all the same.</summary>
internal static class SdBusLibrary
{
    /// <summary>The library by the name of its stable interface.</summary>
    public const string Name = "libsystemd.so.0";

    /// <summary>Whether the library is there, by loading it.</summary>
    public static bool IsPresent => NativeLibrary.TryLoad(Name, out _);
}
