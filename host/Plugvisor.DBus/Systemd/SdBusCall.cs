using Plugvisor.DBus.Bus;
using Plugvisor.Linux.SystemBus;

namespace Plugvisor.DBus.Systemd;

/// <summary>A call that came in. What it says was copied on the connection's thread; its message stays with that thread.</summary>
internal sealed class SdBusCall : IBusCall
{
    private readonly Action<SdBusCall, BusReply> _send;
    private int _replied;

    /// <summary>Reads a call, on the connection's thread.</summary>
    /// <param name="message">The call's from now on.</param>
    /// <param name="send">Takes the reply, on any thread.</param>
    public SdBusCall(SdBusMessage message, Action<SdBusCall, BusReply> send)
    {
        Message = message;
        _send = send;
        Path = message.Path ?? "";
        Interface = message.Interface;
        Member = message.Member ?? "";
        Signature = message.Signature;
        if (Signature == "s") Argument = message.ReadUtf8();
    }

    /// <summary>For the connection's thread only.</summary>
    public SdBusMessage Message { get; }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public string? Interface { get; }

    /// <inheritdoc/>
    public string Member { get; }

    /// <inheritdoc/>
    public string Signature { get; }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Argument { get; }

    /// <inheritdoc/>
    public void Reply(BusReply reply)
    {
        if (Interlocked.Exchange(ref _replied, 1) == 0) _send(this, reply);
    }
}
