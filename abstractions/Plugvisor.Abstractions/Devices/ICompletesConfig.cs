namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// A device that fills in members of its own configuration when it is made, such as the path of a pty. The host reads them
/// once, after Create, and writes them into VmConfig, where <c>vm.info</c> shows them.
/// </summary>
public interface ICompletesConfig
{
    /// <summary>Member names in JSON and their values.</summary>
    IReadOnlyList<KeyValuePair<string, string>> CompletedConfig { get; }
}
