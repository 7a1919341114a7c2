using System.Runtime.InteropServices;

namespace Plugvisor.Linux.SystemBus;

/// <summary>libsystemd's <c>sd_bus_error</c>: name and text as C strings that somebody else keeps alive.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SdBusError
{
    /// <summary>The error's name, or null for none.</summary>
    public byte* Name;

    /// <summary>Its text, or null.</summary>
    public byte* Message;

    /// <summary>libsystemd's note whether it owns the strings; 0 says that it does not.</summary>
    public int NeedFree;
}
