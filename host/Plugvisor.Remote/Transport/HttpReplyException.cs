namespace Plugvisor.Remote.Transport;

/// <summary>What came back is no HTTP reply, or only a part of one.</summary>
internal sealed class HttpReplyException(string message) : Exception(message);
