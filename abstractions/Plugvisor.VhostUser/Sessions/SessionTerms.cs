using Plugvisor.VhostUser.Protocol;

namespace Plugvisor.VhostUser.Sessions;

/// <summary>What front end and back end have agreed on a connection.</summary>
/// <param name="Features">Virtio feature bits of the back end, and the bit of the protocol's own.</param>
/// <param name="Protocol">Extensions of the protocol.</param>
/// <param name="MaxQueues">Queues that the back end serves.</param>
/// <param name="MaxRegions">Memory regions that it takes.</param>
internal readonly record struct SessionTerms(ulong Features, ProtocolFeatures Protocol, ulong MaxQueues, ulong MaxRegions);
