using System.Diagnostics;
using Xunit;

namespace Plugvisor.Tests.Unit.Remote;

/// <summary>What plugvisor-remote says to people: usage errors, help, completions.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("--api-socket /x", "a command is needed")]
    [InlineData("--api-socket /x pong", "Unrecognized command or argument 'pong'.")]
    [InlineData("--api-socket /x remove-device", "Required argument missing for command: 'remove-device'.")]
    [InlineData("--api-socket /x boot now", "Unrecognized command or argument 'now'.")]
    [InlineData("--api-socket", "Required argument missing for option: '--api-socket'.")]
    [InlineData("--api-socket /x --api-socket /y ping", "Option '--api-socket' expects a single argument but 2 were provided.")]
    [InlineData("--api-socket /x --dbus-service-name a.b ping", "--api-socket and the D-Bus options cannot be used together")]
    [InlineData("--api-socket /x resize-disk --disk d", "Option '--size' is required.")]
    [InlineData("completions tcsh", "completions: 'tcsh' is not one of bash, zsh, fish")]
    [InlineData("help pong", "'pong' is no command")]
    [InlineData("--plugin-dir /nowhere add-disk path=x", "--plugin-dir: there is no directory /nowhere")]
    public async Task Wrong_usage_ends_with_2(string line, string error)
    {
        RemoteProcess result = await RemoteProcess.RunAsync(line.Split(' '));
        Assert.Equal((2, "", $"error: {error}\nTry 'plugvisor-remote --help'.\n"), (result.ExitCode, result.Output, result.Errors));
    }

    [Fact]
    public async Task Nothing_at_all_shows_the_help_and_ends_with_2()
    {
        RemoteProcess result = await RemoteProcess.RunAsync();
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains("Usage:", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--api-socket /x resize --cpus many", "  0: Invalid CPU count\n  1: 'many' is not a number such as 4\n")]
    [InlineData("--api-socket /x resize --memory 1T", "  0: Invalid memory size\n  1: '1T' is not a number of bytes such as 1073741824 or 1G\n")]
    [InlineData("--api-socket /x create /nowhere/vm.json", "  0: Error reading from file\n  1: Could not find a part of the path '/nowhere/vm.json'.\n")]
    [InlineData("--api-socket /x restore prefault=on", "  0: Error parsing restore syntax\n  1: source_url missing\n")]
    [InlineData("--api-socket /x restore source_url=a,speed=9", "  0: Error parsing restore syntax\n  1: Unknown option: speed\n")]
    [InlineData("--api-socket /x restore source_url=a,vfio_fds=[v@5]", "  0: Error parsing restore syntax\n  1: vfio_fds needs iommufd_fd, the descriptor of /dev/iommu\n")]
    public async Task A_value_that_cannot_be_taken_ends_with_1_and_its_reason(string line, string chain)
    {
        RemoteProcess result = await RemoteProcess.RunAsync(line.Split(' '));
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.EndsWith(":\n" + chain, result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ping")]
    [InlineData("--dbus-service-name a.b ping")]
    public async Task Without_a_way_to_the_vmm_it_asks_for_one(string line)
    {
        RemoteProcess result = await RemoteProcess.RunAsync(line.Split(' '));
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        // Sockets at their default place may follow.
        Assert.Matches("^Error: ch-remote exited with the following [^\n]+:\n  (0: )?Please either provide the api-socket option or dbus-service-name and dbus-object-path\n", result.Errors);
    }

    [Fact]
    public async Task A_kind_without_a_plugin_here_is_explained()
    {
        string directory = Directory.CreateTempSubdirectory("plugvisor-none").FullName;
        RemoteProcess result = await RemoteProcess.RunAsync("--api-socket", "/x", "--plugin-dir", directory, "add-gizmo", "size=3");
        Directory.Delete(directory);
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(
            $$"""
            Error: ch-remote exited with the following chain of errors:
              0: Error parsing gizmo syntax
              1: No plugin for devices of kind gizmo in {{directory}}; --plugin-dir names another directory
              2: A JSON document in place of the options needs no plugin here: add-gizmo '{"id":"name", ...}'

            """, result.Errors);
    }

    [Fact]
    public async Task Help_groups_the_commands_and_shows_examples()
    {
        string help = (await RemoteProcess.RunAsync("--help")).Succeeded();
        foreach (string text in (string[])["The VM:\n", "Devices and sizes:\n", "Examples:\n", "  add-generic-vhost-user", "  shutdown-vmm", "  events", "  completions"])
            Assert.Contains(text, help, StringComparison.Ordinal);
        Assert.All(help.Split('\n'), line => Assert.True(line.Length <= 150, line));
    }

    [Fact]
    public async Task Help_of_a_command_is_the_same_by_option_and_by_command()
    {
        string help = (await RemoteProcess.RunAsync("help", "restore")).Succeeded();
        Assert.Contains("memory_restore_mode=copy|ondemand", help, StringComparison.Ordinal);
        Assert.Contains("Example:\n", help, StringComparison.Ordinal);
        Assert.Equal(help, (await RemoteProcess.RunAsync("restore", "--help")).Succeeded());
        Assert.Equal(help, (await RemoteProcess.RunAsync("--api-socket", "/x", "restore", "-h")).Succeeded());
    }

    [Theory]
    [InlineData("plugvisor-remote --api-socket /x resu", "resume")]
    [InlineData("plugvisor-remote resize --c", "--cpus")]
    [InlineData("plugvisor-remote restore source_url=x,pre", "source_url=x,prefault=")]
    [InlineData("plugvisor-remote completions z", "zsh")]
    [InlineData("plugvisor-remote --dbus-o", "--dbus-object-path")]
    [InlineData("plugvisor-remote help shutdown-", "shutdown-vmm")]
    public async Task Bash_completes(string line, string expected)
    {
        string script = (await RemoteProcess.RunAsync("completions", "bash")).Succeeded();
        string[] words = line.Split(' ');
        script += $"COMP_WORDS=({string.Join(' ', words)}); COMP_CWORD={words.Length - 1}; _plugvisor_remote; echo \"${{COMPREPLY[@]}}\"\n";
        using Process bash = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;
        Assert.Equal(expected, (await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Trim());
    }

    [Theory]
    [InlineData("zsh", "bashcompinit")]
    [InlineData("fish", "complete -c plugvisor-remote -n '__fish_seen_subcommand_from resize' -l cpus -x")]
    public async Task Other_shells_have_a_script(string shell, string text) =>
        Assert.Contains(text, (await RemoteProcess.RunAsync("completions", shell)).Succeeded(), StringComparison.Ordinal);
}
