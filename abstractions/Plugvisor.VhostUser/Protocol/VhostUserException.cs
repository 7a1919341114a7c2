namespace Plugvisor.VhostUser.Protocol;

/// <summary>
/// A back end did not do what the protocol asks of it, or is gone. The message goes on where "the back end at PATH" ends: <c>closed the connection</c>.
/// The connection is of no use afterwards.
/// </summary>
internal sealed class VhostUserException(string message) : Exception(message);
