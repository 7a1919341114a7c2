using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>The socket device, as it stands in VmConfig's <c>vsock</c> and on <c>--vsock</c>.</summary>
[DeviceConfig("vsock", Cardinality = DeviceCardinality.Single, IdPrefix = "_vsock", Slot = 800, HotPluggable = true, Removable = true,
    Noun = "vsock device", Plural = "virtio-vsock devices", Help = "Stream sockets between guest and host", Example = "cid=3,socket=/tmp/vm.vsock")]
internal sealed partial class Config
{
    /// <summary>The guest's address.</summary>
    [ConfigMember("cid", Help = "Address of the guest, 3 or more")]
    public required uint Cid { get; init; }

    /// <summary>The host's end.</summary>
    [ConfigMember("socket", IsPath = true, Help = "Unix socket of the host's end; ports that the guest connects to are at SOCKET_PORT")]
    public required string Socket { get; init; }

    /// <summary>What is wrong with it that its declaration cannot say, or null.</summary>
    public string? Problem() => Cid is 0 or 1 or 2 or uint.MaxValue ? $"{Cid} is a special VSOCK CID" : null;
}
