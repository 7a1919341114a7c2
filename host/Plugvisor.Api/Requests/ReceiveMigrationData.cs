using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.receive-migration</c> takes.</summary>
[ConfigObject]
internal sealed partial class ReceiveMigrationData
{
    /// <summary>Where to listen.</summary>
    [ConfigMember("receiver_url", Help = "Where to listen: unix:PATH or tcp:HOST:PORT")]
    public required string ReceiverUrl { get; init; }
}
