namespace Plugvisor.Api;

/// <summary>The version of Cloud Hypervisor's interface that this VMM speaks, in the forms that clients parse.</summary>
public static class InterfaceVersion
{
    /// <summary>As a number.</summary>
    public const string Number = "54.0.0";

    /// <summary>As the build names it.</summary>
    public const string Build = "v" + Number;

    /// <summary>The features of Cloud Hypervisor's builds that are there.</summary>
    public static IReadOnlyList<string> Features { get; } = ["dbus_api", "io_uring", "kvm"];
}
