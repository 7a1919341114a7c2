using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.resize</c> takes.</summary>
[ConfigObject]
internal sealed partial class VmResize
{
    /// <summary>vCPUs that there are to be, or null.</summary>
    [ConfigMember("desired_vcpus", Help = "vCPUs that there are to be")]
    public uint? DesiredVcpus { get; init; }

    /// <summary>Bytes of RAM that there are to be, or null.</summary>
    [ConfigMember("desired_ram", ByteSize = true, Help = "Bytes of RAM that there are to be")]
    public ulong? DesiredRam { get; init; }

    /// <summary>Bytes that the balloon is to take, or null.</summary>
    [ConfigMember("desired_balloon", ByteSize = true, Help = "Bytes that the balloon is to take")]
    public ulong? DesiredBalloon { get; init; }
}
