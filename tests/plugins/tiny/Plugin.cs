using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Sample.Tiny;

/// <summary>A disk of zeros, as small as a device with a queue and a thread can be. It can be told to misbehave.</summary>
[DevicePlugin(Reloadable = true)]
public sealed class Plugin : IDevicePlugin
{
    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        string mischief = TinyConfig.From(request.Config).Mischief;
        if (mischief == "throw-create") throw new TinyException("no disk today");
        return new Device(request.Id, new Mischief(mischief), host);
    }
}

[DeviceConfig("tiny", Section = "tinies", IdPrefix = "_tiny", HotPluggable = true, Removable = true, Help = "Test disk", Example = "id=t0")]
public sealed partial class TinyConfig
{
    [ConfigMember("mischief", Help = "What it does wrong")]
    public string Mischief { get; init; } = "none";
}

/// <summary>An exception of a type that the host does not know.</summary>
public sealed class TinyException : Exception
{
    public TinyException(string message) : base(message) { }

    public TinyException() { }

    public TinyException(string message, Exception innerException) : base(message, innerException) { }
}
