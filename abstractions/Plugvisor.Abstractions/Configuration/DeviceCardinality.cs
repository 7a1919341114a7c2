namespace Plugvisor.Abstractions.Configuration;

/// <summary>How a device kind stands in VmConfig.</summary>
public enum DeviceCardinality
{
    /// <summary>A JSON array of objects; the option may be given again and again (<c>disks</c>).</summary>
    List,

    /// <summary>One JSON object or none; the option is given once (<c>rng</c>).</summary>
    Single,

    /// <summary>A JSON boolean; the option takes no value (<c>watchdog</c>).</summary>
    Flag,
}
