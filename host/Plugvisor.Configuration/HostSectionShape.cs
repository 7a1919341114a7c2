namespace Plugvisor.Configuration;

/// <summary>What the value of a host section looks like.</summary>
public enum HostSectionShape
{
    /// <summary>A JSON object.</summary>
    Object,

    /// <summary>A JSON array of objects.</summary>
    List,

    /// <summary>A JSON boolean.</summary>
    Toggle,
}
