using System.Text.Json;

namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// An optional power of the plugin class: checks that attributes can not say. Called after the host's own checks, before any device of
/// the VM is made, on the control loop's thread. Touches nothing outside.
/// </summary>
public interface IConfigValidator
{
    /// <summary>The error text for the first thing that is wrong, or null.</summary>
    /// <param name="config">The config with defaults filled in.</param>
    /// <param name="context">Facts of the VM.</param>
    string? Validate(JsonElement config, ConfigContext context);
}
