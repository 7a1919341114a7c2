using System.Diagnostics;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>The C programs of tests/peers, built once a run.</summary>
internal static class PeerPrograms
{
    private static readonly Lazy<string> Folder = new(Build);

    /// <summary>The path of a program.</summary>
    public static string Of(string name) => Path.Combine(Folder.Value, name);

    private static string Build()
    {
        string folder = Path.Combine(Repository.Root, "artifacts", "peers");
        string[] arguments = ["-s", "-C", Path.Combine(Repository.Root, "tests", "peers"), $"OUT={folder}"];
        using Process make = Process.Start(new ProcessStartInfo("make", arguments) { RedirectStandardError = true })
            ?? throw new InvalidOperationException("make does not start");
        string errors = make.StandardError.ReadToEnd();
        make.WaitForExit();
        return make.ExitCode == 0 ? folder : throw new InvalidOperationException($"tests/peers does not build: {errors}");
    }
}
