namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>Where things are in this checkout.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The published executable; a clear failure when there is none.</summary>
    public static string Plugvisor => Program("plugvisor");

    /// <summary>A published executable by its name; a clear failure when there is none.</summary>
    public static string Program(string name)
    {
        string path = Path.Combine(Root, "out", name);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is not there; run eng/publish first");
    }

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Plugvisor.slnx"))) return at;
        }
        throw new DirectoryNotFoundException($"no Plugvisor.slnx in {AppContext.BaseDirectory} or above it");
    }
}
