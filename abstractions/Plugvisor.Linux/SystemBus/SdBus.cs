using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;

namespace Plugvisor.Linux.SystemBus;

/// <summary>
/// A connection to a message bus by libsystemd's sd-bus (man sd-bus). Neither it nor its messages know locks: one thread makes, uses and
/// disposes all of them. Nothing here blocks.
/// </summary>
internal sealed unsafe partial class SdBus : SafeHandle
{
    private SdBus(nint bus) : base(0, ownsHandle: true) => SetHandle(bus);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>What to wait on, together with <see cref="Wanted"/>. It can change with each <see cref="Process"/>.</summary>
    /// <exception cref="LinuxException">The connection is closed.</exception>
    public int Descriptor => Checked("sd_bus_get_fd", sd_bus_get_fd(handle));

    /// <summary>What to wait for on the descriptor. poll's values, which are epoll's.</summary>
    /// <exception cref="LinuxException">The connection is closed.</exception>
    public EpollEvents Wanted => (EpollEvents)Checked("sd_bus_get_events", sd_bus_get_events(handle));

    /// <summary>Messages that wait for the bus to take them.</summary>
    /// <exception cref="LinuxException">The connection is closed.</exception>
    public ulong Unsent
    {
        get
        {
            ulong count;
            _ = Checked("sd_bus_get_n_queued_write", sd_bus_get_n_queued_write(handle, &count));
            return count;
        }
    }

    /// <summary>When <see cref="Process"/> is due although nothing is ready: microseconds of CLOCK_MONOTONIC, or null for never.</summary>
    /// <exception cref="LinuxException">The connection is closed.</exception>
    public ulong? Due
    {
        get
        {
            ulong microseconds;
            int result = Checked("sd_bus_get_timeout", sd_bus_get_timeout(handle, &microseconds));
            return result == 0 || microseconds == ulong.MaxValue ? null : microseconds;
        }
    }

    /// <summary>Starts to connect to a bus: the rest, authentication and greeting, is done by <see cref="Process"/>.</summary>
    /// <param name="address">A D-Bus address, such as <c>unix:path=/run/dbus/system_bus_socket</c>; several are parted by semicolons.</param>
    /// <exception cref="LinuxException">It is no address (EINVAL), or nobody listens there.</exception>
    public static SdBus Connect(string address)
    {
        nint raw = 0;
        _ = Checked("sd_bus_new", sd_bus_new(&raw));
        var bus = new SdBus(raw);
        try
        {
            _ = Checked($"D-Bus address '{address}'", sd_bus_set_address(raw, address));
            _ = Checked("sd_bus_set_bus_client", sd_bus_set_bus_client(raw, 1));
            _ = Checked($"connect to {address}", sd_bus_start(raw));
            return bus;
        }
        catch
        {
            bus.Dispose();
            throw;
        }
    }

    /// <summary>Does one step: sends, reads, or hands out one message that libsystemd did not answer itself.</summary>
    /// <param name="message">That message, the caller's to dispose, or null.</param>
    /// <returns>Whether there may be more to do at once.</returns>
    /// <exception cref="LinuxException">The connection is over, or the bus broke the protocol.</exception>
    public bool Process(out SdBusMessage? message)
    {
        nint raw = 0;
        int result = sd_bus_process(handle, &raw);
        message = raw == 0 ? null : new SdBusMessage(raw);
        return Checked("sd_bus_process", result) > 0;
    }

    /// <summary>Sends a message, or queues it while the bus does not read. The message is still the caller's to dispose.</summary>
    /// <returns>What the reply to it will carry as its <see cref="SdBusMessage.ReplyCookie"/>.</returns>
    /// <exception cref="LinuxException">The connection is over (ENOTCONN), or its queue is full (ENOBUFS).</exception>
    public ulong Send(SdBusMessage message)
    {
        ulong cookie;
        _ = Checked("sd_bus_send", sd_bus_send(handle, message.DangerousGetHandle(), &cookie));
        return cookie;
    }

    /// <summary>Sends a reply or a signal, to which nobody replies.</summary>
    /// <exception cref="LinuxException">The connection is over (ENOTCONN), or its queue is full (ENOBUFS).</exception>
    public void SendOneWay(SdBusMessage message) =>
        _ = Checked("sd_bus_send", sd_bus_send(handle, message.DangerousGetHandle(), null));

    /// <summary>A signal without arguments yet.</summary>
    /// <exception cref="LinuxException">A name is not valid.</exception>
    public SdBusMessage NewSignal(string path, string @interface, string member)
    {
        nint raw = 0;
        _ = Checked("sd_bus_message_new_signal", sd_bus_message_new_signal(handle, &raw, path, @interface, member));
        return new SdBusMessage(raw);
    }

    /// <summary>A method call without arguments yet.</summary>
    /// <exception cref="LinuxException">A name is not valid.</exception>
    public SdBusMessage NewCall(string destination, string path, string @interface, string member)
    {
        nint raw = 0;
        _ = Checked(
            "sd_bus_message_new_method_call", sd_bus_message_new_method_call(handle, &raw, destination, path, @interface, member));
        return new SdBusMessage(raw);
    }

    /// <summary>libsystemd answers with negative errno values.</summary>
    internal static int Checked(string operation, int result) => result >= 0 ? result : throw new LinuxException(operation, -result);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _ = sd_bus_close_unref(handle);
        return true;
    }

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_new(nint* bus);

    [LibraryImport(SdBusLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_set_address(nint bus, string address);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_set_bus_client(nint bus, int yes);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_start(nint bus);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial nint sd_bus_close_unref(nint bus);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_get_fd(nint bus);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_get_events(nint bus);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_get_timeout(nint bus, ulong* microseconds);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_get_n_queued_write(nint bus, ulong* count);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_process(nint bus, nint* message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_send(nint bus, nint message, ulong* cookie);

    [LibraryImport(SdBusLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_message_new_signal(nint bus, nint* message, string path, string @interface, string member);

    [LibraryImport(SdBusLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_message_new_method_call(
        nint bus, nint* message, string destination, string path, string @interface, string member);
}
