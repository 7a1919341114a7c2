using System.Diagnostics;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>The freestanding C guests of tests/guests, built once a run.</summary>
internal static class GuestImages
{
    private static readonly Lazy<string> Folder = new(Build);

    /// <summary>The kernel image of a guest.</summary>
    public static string Of(string guest) => Path.Combine(Folder.Value, guest);

    private static string Build()
    {
        string folder = Path.Combine(Repository.Root, "artifacts", "guests");
        string[] arguments = ["-s", "-C", Path.Combine(Repository.Root, "tests", "guests"), $"OUT={folder}"];
        using Process make = Process.Start(new ProcessStartInfo("make", arguments) { RedirectStandardError = true })
            ?? throw new InvalidOperationException("make does not start");
        string errors = make.StandardError.ReadToEnd();
        make.WaitForExit();
        return make.ExitCode == 0 ? folder : throw new InvalidOperationException($"tests/guests does not build: {errors}");
    }
}
