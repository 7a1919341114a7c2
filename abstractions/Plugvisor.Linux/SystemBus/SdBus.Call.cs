using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.SystemBus;

/// <remarks>This part is for programs that call and wait: unlike the rest it blocks.</remarks>
internal sealed unsafe partial class SdBus
{
    private const ulong NoLimit = ulong.MaxValue;

    /// <summary>Opens the system bus, or the session bus of this process's environment.</summary>
    /// <exception cref="LinuxException">There is none (ENOMEDIUM: no environment that says where), or nobody listens there.</exception>
    public static SdBus Open(bool system)
    {
        nint raw = 0;
        _ = Checked(system ? "open the system bus" : "open the session bus", system ? sd_bus_open_system(&raw) : sd_bus_open_user(&raw));
        return new SdBus(raw);
    }

    /// <summary>Sends a call and waits for its reply, however long that takes. The call is still the caller's to dispose.</summary>
    /// <param name="call">The call.</param>
    /// <param name="error">Name and text of the error that came in place of a reply, or null.</param>
    /// <returns>The reply, or null when an error came.</returns>
    /// <exception cref="LinuxException">The connection is over.</exception>
    public SdBusMessage? Call(SdBusMessage call, out (string Name, string Message)? error)
    {
        nint raw = 0;
        SdBusError failure = default;
        // SAFETY: libsystemd fills the structure, and frees its strings when it is told to.
        int result = sd_bus_call(handle, call.DangerousGetHandle(), NoLimit, &failure, &raw);
        error = null;
        if (result >= 0) return new SdBusMessage(raw);
        if (failure.Name != null) error = (Marshal.PtrToStringUTF8((nint)failure.Name) ?? "", Marshal.PtrToStringUTF8((nint)failure.Message) ?? "");
        sd_bus_error_free(&failure);
        return error is null ? throw new LinuxException("sd_bus_call", -result) : null;
    }

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_open_system(nint* bus);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_open_user(nint* bus);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_call(nint bus, nint message, ulong microseconds, SdBusError* error, nint* reply);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial void sd_bus_error_free(SdBusError* error);
}
