using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.SystemBus;

/// <summary>
/// One message of an <see cref="SdBus"/>, a counted reference. Only on the thread of its bus, disposal too: libsystemd counts without locks.
/// Descriptors that came with it are closed with it.
/// </summary>
/// <remarks>libsystemd's append and read take variable arguments, which P/Invoke cannot pass; the calls for one basic value do the same.</remarks>
internal sealed unsafe partial class SdBusMessage : SafeHandle
{
    private const byte TypeString = (byte)'s', TypeUInt32 = (byte)'u', TypeArray = (byte)'a';

    internal SdBusMessage(nint message) : base(0, ownsHandle: true) => SetHandle(message);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>What it is.</summary>
    public SdBusMessageKind Kind
    {
        get
        {
            byte kind;
            _ = SdBus.Checked("sd_bus_message_get_type", sd_bus_message_get_type(handle, &kind));
            return (SdBusMessageKind)kind;
        }
    }

    /// <summary>The object that it is for or from, or null.</summary>
    public string? Path => Text(sd_bus_message_get_path(handle));

    /// <summary>The interface, which a caller may leave out, or null.</summary>
    public string? Interface => Text(sd_bus_message_get_interface(handle));

    /// <summary>The method or signal, or null in replies.</summary>
    public string? Member => Text(sd_bus_message_get_member(handle));

    /// <summary>Who sent it, as the bus says, or null.</summary>
    public string? Sender => Text(sd_bus_message_get_sender(handle));

    /// <summary>The types of all arguments; empty for none.</summary>
    public string Signature => Text(sd_bus_message_get_signature(handle, 1)) ?? "";

    /// <summary>Of a reply: which call it answers, as <see cref="SdBus.Send"/> named it. 0 in what is no reply.</summary>
    public ulong ReplyCookie
    {
        get
        {
            ulong cookie;
            return sd_bus_message_get_reply_cookie(handle, &cookie) >= 0 ? cookie : 0;
        }
    }

    /// <summary>Of an error: its name and text; else null.</summary>
    public (string Name, string Message)? Error
    {
        get
        {
            // SAFETY: libsystemd keeps the structure and its strings as long as the message.
            SdBusError* error = sd_bus_message_get_error(handle);
            return error == null || error->Name == null ? null : (Text(error->Name) ?? "", Text(error->Message) ?? "");
        }
    }

    /// <summary>Takes the next argument, a string, as a copy of its UTF-8.</summary>
    /// <exception cref="LinuxException">The next argument is none (ENXIO) or there is none.</exception>
    public byte[] ReadUtf8()
    {
        byte* text = null;
        int result = SdBus.Checked("sd_bus_message_read_basic", sd_bus_message_read_basic(handle, TypeString, &text));
        if (result == 0 || text == null) throw new LinuxException("sd_bus_message_read_basic", ENXIO);
        // SAFETY: libsystemd has checked that the string ends with a NUL inside the message, which lives until this object is disposed.
        return MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text).ToArray();
    }

    /// <summary>Takes the next argument, a string.</summary>
    /// <exception cref="LinuxException">The next argument is none or there is none.</exception>
    public string ReadString() => Encoding.UTF8.GetString(ReadUtf8());

    /// <summary>Takes the next argument, an unsigned 32-bit number.</summary>
    /// <exception cref="LinuxException">The next argument is none or there is none.</exception>
    public uint ReadUInt32()
    {
        uint value;
        int result = SdBus.Checked("sd_bus_message_read_basic", sd_bus_message_read_basic(handle, TypeUInt32, &value));
        return result > 0 ? value : throw new LinuxException("sd_bus_message_read_basic", ENXIO);
    }

    /// <summary>Adds a string.</summary>
    /// <exception cref="LinuxException">It is no UTF-8 or has a zero byte inside (EINVAL).</exception>
    public void Append(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Contains((byte)0)) throw new LinuxException("a D-Bus string with a zero byte", EINVAL);
        byte[] terminated = new byte[utf8.Length + 1];
        utf8.CopyTo(terminated);
        // SAFETY: the array ends with a NUL and is pinned while libsystemd copies it.
        fixed (byte* text = terminated)
            _ = SdBus.Checked("sd_bus_message_append_basic", sd_bus_message_append_basic(handle, TypeString, text));
    }

    /// <summary>Adds a string.</summary>
    /// <exception cref="LinuxException">It has a zero character inside (EINVAL).</exception>
    public void Append(string text) => Append(Encoding.UTF8.GetBytes(text));

    /// <summary>Adds an unsigned 32-bit number.</summary>
    public void Append(uint value) =>
        _ = SdBus.Checked("sd_bus_message_append_basic", sd_bus_message_append_basic(handle, TypeUInt32, &value));

    /// <summary>Adds an array without elements.</summary>
    /// <param name="elements">The type of an element: <c>{sv}</c> makes an empty dictionary.</param>
    public void AppendEmptyArray(string elements)
    {
        _ = SdBus.Checked("sd_bus_message_open_container", sd_bus_message_open_container(handle, TypeArray, elements));
        _ = SdBus.Checked("sd_bus_message_close_container", sd_bus_message_close_container(handle));
    }

    /// <summary>The reply to this call, without results yet. Sending it does nothing where the caller wants no reply.</summary>
    public SdBusMessage NewReply()
    {
        nint raw = 0;
        _ = SdBus.Checked("sd_bus_message_new_method_return", sd_bus_message_new_method_return(handle, &raw));
        return new SdBusMessage(raw);
    }

    /// <summary>The answer to this call that it failed. Sending it does nothing where the caller wants no reply.</summary>
    /// <param name="name">A valid error name.</param>
    /// <param name="message">For the person who reads it; a zero character ends it.</param>
    public SdBusMessage NewError(string name, string message)
    {
        byte[] nameText = Encoding.UTF8.GetBytes(name + "\0"), messageText = Encoding.UTF8.GetBytes(message + "\0");
        nint raw = 0;
        // SAFETY: both arrays end with a NUL and are pinned while libsystemd copies them; NeedFree 0 says that they are not its own.
        fixed (byte* nameStart = nameText, messageStart = messageText)
        {
            var error = new SdBusError { Name = nameStart, Message = messageStart };
            _ = SdBus.Checked("sd_bus_message_new_method_error", sd_bus_message_new_method_error(handle, &raw, &error));
        }

        return new SdBusMessage(raw);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _ = sd_bus_message_unref(handle);
        return true;
    }

    private const int ENXIO = 6, EINVAL = 22;

    private static string? Text(byte* text) => Marshal.PtrToStringUTF8((nint)text);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial nint sd_bus_message_unref(nint message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_message_get_type(nint message, byte* type);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial byte* sd_bus_message_get_path(nint message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial byte* sd_bus_message_get_interface(nint message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial byte* sd_bus_message_get_member(nint message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial byte* sd_bus_message_get_sender(nint message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial byte* sd_bus_message_get_signature(nint message, int complete);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_message_get_reply_cookie(nint message, ulong* cookie);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial SdBusError* sd_bus_message_get_error(nint message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_message_read_basic(nint message, byte type, void* value);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_message_append_basic(nint message, byte type, void* value);

    [LibraryImport(SdBusLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_message_open_container(nint message, byte type, string contents);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_message_close_container(nint message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_message_new_method_return(nint call, nint* message);

    [LibraryImport(SdBusLibrary.Name)]
    private static partial int sd_bus_message_new_method_error(nint call, nint* message, SdBusError* error);
}
