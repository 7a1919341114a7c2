namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// Version of the plugin contract. A plugin states the one it was built for; the host takes plugins with the same major and a minor up to
/// its own. Equals <c>ContractVersion</c> in Directory.Build.props (a test holds that).
/// </summary>
public static class ContractVersion
{
    /// <summary>Changes when plugins must be changed.</summary>
    public const int Major = 1;

    /// <summary>Grows when something is added.</summary>
    public const int Minor = 1;
}
