namespace Plugvisor.Tests.Linux.Hosting;

/// <summary>Where things are: this checkout, the published tree, the cache that eng/guest and eng/testhost fill.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The published executable; a clear failure when there is none.</summary>
    public static string Plugvisor
    {
        get
        {
            string path = Path.Combine(Root, "out", "plugvisor");
            return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is not there; run eng/publish first");
        }
    }

    /// <summary>Folder with vmlinuz, vmlinux and initramfs.cpio.</summary>
    public static string Guest { get; } =
        Path.Combine(Environment.GetEnvironmentVariable("PLUGVISOR_CACHE") is { Length: > 0 } cache ? cache : "/var/tmp/plugvisor", "guest");

    /// <summary>The kernel command line that guests get unless a test wants another.</summary>
    public static string GuestCommandLine { get; } = File.ReadAllText(Engineering("guest/cmdline")).Trim();

    /// <summary>Path of a script under eng/.</summary>
    public static string Engineering(string script) => Path.Combine(Root, "eng", script);

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Plugvisor.slnx"))) return at;
        }
        throw new DirectoryNotFoundException($"no Plugvisor.slnx in {AppContext.BaseDirectory} or above it");
    }
}
