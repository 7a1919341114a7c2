using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Sample.BadDisk;

/// <summary>
/// Claims to be a newer virtio-blk, and does not take over its disks: how it fails is the first line of the file <c>fault</c> beside the image.
/// </summary>
[DevicePlugin(Reloadable = true)]
public sealed class Plugin : IDevicePlugin
{
    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        string how = File.ReadAllText(Config.From(request.Config).Path + ".fault");
        if (how == "refuse") throw new DeviceException("this version does not know the state of the disk");
        if (how == "Create") throw new InvalidOperationException("no firmware");
        return new Device(how, host);
    }
}

[DeviceConfig("disk", Section = "disks", IdPrefix = "_disk", Slot = 200, HotPluggable = true, Removable = true)]
public sealed partial class Config
{
    [ConfigMember("path", IsPath = true)]
    public required string Path { get; init; }

    [ConfigMember("image_type")]
    public string? ImageType { get; init; }
}
