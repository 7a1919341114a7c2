using Plugvisor.Abstractions.Configuration;

namespace Sample.Misbehaving;

/// <summary>Which device, what it does, and where.</summary>
[DeviceConfig("misbehave", Section = "misbehaviours", IdPrefix = "_bad", Slot = 5000, HotPluggable = true, Removable = true, Noun = "misbehaving device", Help = "Test device")]
public sealed partial class Config
{
    [ConfigMember("door")]
    public Door Door { get; init; } = Door.Virtio;

    [ConfigMember("deed")]
    public Deed Deed { get; init; } = Deed.Throw;

    [ConfigMember("at", Help = "The callback, by its name")]
    public string At { get; init; } = "";
}

/// <summary>How the device is reached.</summary>
public enum Door
{
    Virtio,
    Pci,
}

/// <summary>What goes wrong.</summary>
public enum Deed
{
    /// <summary>An exception.</summary>
    Throw,

    /// <summary>It never returns.</summary>
    Hang,

    /// <summary>It allocates until the runtime refuses.</summary>
    Allocate,

    /// <summary>It starts a thread by itself, which throws.</summary>
    Stray,

    /// <summary>It starts a thread by the host, which throws.</summary>
    Thread,

    /// <summary>It starts a thread by the host, which never ends.</summary>
    Leak,
}
