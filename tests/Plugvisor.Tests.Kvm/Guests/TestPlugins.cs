namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>The plugins of tests/plugins, which are built with these tests and never published.</summary>
internal static class TestPlugins
{
    /// <summary>The directory that holds their folders.</summary>
    public static string Folder { get; } = Path.Combine(Repository.Root, "artifacts", "test-plugins");

    /// <summary>The directory with those that take the place of a shipped plugin.</summary>
    public static string Versions { get; } = Path.Combine(Repository.Root, "artifacts", "test-versions");
}
