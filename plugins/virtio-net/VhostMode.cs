using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>Which end of a vhost-user socket this side is.</summary>
internal enum VhostMode
{
    /// <summary>Connects to the socket.</summary>
    [ConfigValue("Client", Help = "Connect to the socket")]
    Client,

    /// <summary>Makes the socket and waits for the back end.</summary>
    [ConfigValue("Server", Help = "Make the socket and wait for the back end")]
    Server,
}
