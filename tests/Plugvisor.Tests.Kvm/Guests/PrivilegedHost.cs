using System.Diagnostics;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>What tests do to the host itself: mounts, which vanish with the process that they were made for, and loop devices.</summary>
internal static class PrivilegedHost
{
    private static readonly Lazy<bool> Loops = new(TryLoop);

    /// <summary>Whether this user can make loop devices here, and so mount images as well.</summary>
    public static bool HasLoopDevices => Loops.Value;

    /// <summary>
    /// A command that runs shell lines in mounts of its own and then, in its place, the command line that is appended. Needs no
    /// privilege where users may make namespaces; loop devices need root.
    /// </summary>
    public static string[] InOwnMounts(string script)
    {
        string[] user = Environment.IsPrivilegedProcess ? [] : ["--user", "--map-root-user"];
        return ["unshare", "--mount", .. user, "sh", "-ec", script + "\nexec \"$@\"", "sh"];
    }

    /// <summary>Runs a command to its end, which has to be a success; what it printed.</summary>
    public static string Run(string command, params string[] arguments)
    {
        (int status, string output) = TryRun(command, arguments);
        return status == 0 ? output : throw new InvalidOperationException($"{command} {string.Join(' ', arguments)}: {output}");
    }

    private static (int Status, string Output) TryRun(string command, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException($"{command} does not start");
        string output = process.StandardOutput.ReadToEnd().Trim();
        string errors = process.StandardError.ReadToEnd().Trim();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : errors);
    }

    private static bool TryLoop()
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/dev/loop-control")) return false;
        string file = Path.Combine("/var/tmp", $"plugvisor-test-{Guid.NewGuid():N}.img");
        using (FileStream stream = File.Create(file)) stream.SetLength(1 << 20);
        try
        {
            using var loop = new LoopDevice(file);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;   // a container without the devices, for one
        }
        finally
        {
            File.Delete(file);
        }
    }
}
