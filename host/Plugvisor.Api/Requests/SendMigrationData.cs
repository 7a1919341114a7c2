using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.send-migration</c> takes.</summary>
[ConfigObject]
internal sealed partial class SendMigrationData
{
    /// <summary>Where the other VMM listens.</summary>
    [ConfigMember("destination_url", Help = "Where the other VMM listens: unix:PATH or tcp:HOST:PORT")]
    public required string DestinationUrl { get; init; }

    /// <summary>The other VMM is on this host.</summary>
    [ConfigMember("local", Help = "The other VMM is on this host")]
    public bool Local { get; init; }
}
