using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Platform;

/// <summary>A TPM that another process emulates: <c>tpm</c> in VmConfig.</summary>
[ConfigObject]
public sealed partial class TpmConfig
{
    /// <summary>Control socket of swtpm.</summary>
    [ConfigMember("socket", IsPath = true, Help = "Control socket of swtpm")]
    public required string Socket { get; init; }
}
