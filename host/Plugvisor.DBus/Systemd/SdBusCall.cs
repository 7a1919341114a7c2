using Plugvisor.DBus.Bus;
using Plugvisor.Linux.SystemBus;

namespace Plugvisor.DBus.Systemd;

/// <summary>A call that came in. What it says was copied on the connection's thread; its message stays with that thread.</summary>
internal sealed class SdBusCall : IBusCall
{
    private readonly SdBusMail _mail;
    private BusReply? _answer;

    /// <summary>Reads a call, on the connection's thread.</summary>
    /// <param name="message">The call's from now on.</param>
    /// <param name="mail">Where the answer goes.</param>
    public SdBusCall(SdBusMessage message, SdBusMail mail)
    {
        Message = message;
        _mail = mail;
        Path = message.Path ?? "";
        Interface = message.Interface;
        Member = message.Member ?? "";
        Signature = message.Signature;
        if (Signature == "s") Argument = message.ReadUtf8();
    }

    /// <summary>For the connection's thread only.</summary>
    public SdBusMessage Message { get; }

    /// <summary>The answer; there is one in what <see cref="SdBusMail.Take"/> gives.</summary>
    public BusReply Answer => _answer ?? BusReply.Nothing;

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
        if (Interlocked.CompareExchange(ref _answer, reply, null) is null) _mail.Post(this);
    }
}
