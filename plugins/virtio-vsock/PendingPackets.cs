namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>Control packets that a connection has to send to the guest, each at most once at a time: so a queue of them is bounded by itself.</summary>
[Flags]
internal enum PendingPackets
{
    None = 0,
    Request = 1,
    Response = 2,
    Reset = 4,
    CreditUpdate = 8,
    CreditRequest = 16,
}
