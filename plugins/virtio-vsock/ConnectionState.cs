namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>Where a connection stands.</summary>
internal enum ConnectionState
{
    /// <summary>The slot is free.</summary>
    Free,

    /// <summary>A program of the host has connected and not said yet which port it wants. The guest does not know of it.</summary>
    Greeting,

    /// <summary>The guest is asked, or about to be, whether somebody listens there.</summary>
    Requested,

    /// <summary>Bytes flow.</summary>
    Established,

    /// <summary>The guest has forgotten it; the host still has to take what it sent before.</summary>
    Lingering,

    /// <summary>All that is left is to tell the guest that it is over.</summary>
    Dead,
}
