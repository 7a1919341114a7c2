namespace Plugvisor.VhostUser.Protocol;

/// <summary>Extensions of the protocol (section "Protocol features"): the bits that this front end uses.</summary>
[Flags]
internal enum ProtocolFeatures : ulong
{
    None = 0,

    /// <summary>The back end says how many queues it has.</summary>
    MultipleQueues = 1 << 0,

    /// <summary>Any request can be acknowledged.</summary>
    ReplyAck = 1 << 3,

    /// <summary>The back end has requests of its own, on a second socket.</summary>
    BackEndRequests = 1 << 5,

    /// <summary>The back end has the device's config space.</summary>
    Config = 1 << 9,

    /// <summary>What is in flight is kept in memory that outlives the back end.</summary>
    InflightMemory = 1 << 12,

    /// <summary>The device can be reset while the connection stays.</summary>
    ResetDevice = 1 << 13,

    /// <summary>Memory regions come one by one, more than eight of them.</summary>
    MemorySlots = 1 << 15,
}
