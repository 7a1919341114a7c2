using System.Text.RegularExpressions;
using Plugvisor.Tests.Linux.Hosting;
using Xunit;

namespace Plugvisor.Tests.Linux.Docs;

/// <summary>
/// What docs/plugin-guide.md shows is what happens: a plugin is made from the template outside this repository, built from the packed contract, tested, published and
/// seen by a Linux guest, by the commands of the page in their order.
/// </summary>
public sealed class PluginGuideTests
{
    private const string LinuxChapter = "## See it in Linux";

    // What the page calls them.
    private const string Place = "/var/tmp/mirror", Guest = "/var/tmp/plugvisor/guest";

    [Fact]
    public async Task Every_command_of_the_guide_prints_what_is_shown()
    {
        string page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "plugin-guide.md"), TestContext.Current.CancellationToken);
        int at = page.IndexOf(LinuxChapter, StringComparison.Ordinal);
        Assert.True(at > 0);
        List<(string Command, string Output)> here = Session(page[..at]), linux = Session(page[at..]);
        Assert.True(here.Count >= 5 && linux.Count >= 3);
        string folder = Directory.CreateTempSubdirectory("plugvisor-linux-").FullName;
        string place = Path.Combine("/var/tmp", $"plugvisor-guide-{Guid.NewGuid():N}");
        Directory.CreateDirectory(place);
        try
        {
            string script = Path.Combine(folder, "here.sh");
            await File.WriteAllTextAsync(script, $"{Home(place)}\nexport RESULTS={folder}\n{Script(here, "h", place)}", TestContext.Current.CancellationToken);
            Command.Result built = await Command.RunAsync(TimeSpan.FromMinutes(10), "bash", script);
            Assert.True(built.Status == 0, $"the guide's commands failed: {built}");
            await CompareAsync(here, "h", folder);

            await LinuxHost.RunAsync(Script(linux, "l", place), folder, TimeSpan.FromSeconds(240));
            await CompareAsync(linux, "l", folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            Directory.Delete(place, recursive: true);
        }
    }

    [Fact]
    public async Task A_plugin_builds_whatever_its_name_is_and_whatever_lies_above_it()
    {
        string place = Directory.CreateTempSubdirectory("plugvisor-template-").FullName;
        try
        {
            string script = Path.Combine(place, "make.sh");
            await File.WriteAllTextAsync(
                script,
                $"""
                set -e
                {Home(place)}
                echo '<Project><PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally></PropertyGroup></Project>' >{place}/Directory.Packages.props
                echo '<Project><Target Name="Above" BeforeTargets="Build"><Error Text="above" /></Target></Project>' >{place}/Directory.Build.targets
                cd '{Repository.Root}'
                dotnet new install out/packages/Plugvisor.PluginTemplate.*.nupkg
                dotnet new plugvisor-plugin -n 2nd-mirror.Acme -o {place}/made --kind second --packages $PWD/out/packages
                dotnet build {place}/made -v q -nologo
                out/plugvisor plugins --plugin-dir {place}/made/src/bin/Debug/net10.0
                """,
                TestContext.Current.CancellationToken);
            Command.Result made = await Command.RunAsync(TimeSpan.FromMinutes(10), "bash", script);
            Assert.True(made.Status == 0, made.ToString());
            Assert.Matches("linux-x64 +1.0.0 +second +[0-9.]+ +ready", made.ToString());
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    /// <summary>A home of its own: templates and packages of the user stay as they are.</summary>
    private static string Home(string place) =>
        $"""
        export DOTNET_CLI_HOME={place}/home NUGET_PACKAGES={place}/nuget NUGET_FALLBACK_PACKAGES=$HOME/.nuget/packages
        export LC_ALL=C DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
        mkdir -p $NUGET_FALLBACK_PACKAGES
        """;

    private static string Script(List<(string Command, string Output)> session, string prefix, string place) =>
        $"export LC_ALL=C\ncd '{Repository.Root}'\n" + string.Concat(session.Select((step, number) =>
            $"cat >$RESULTS/command <<'COMMAND'\n{step.Command.Replace(Place, place + "/mirror", StringComparison.Ordinal).Replace(Guest, Repository.Guest, StringComparison.Ordinal)}\n"
            + $"COMMAND\neval \"$(cat $RESULTS/command)\" >$RESULTS/{prefix}{number} 2>&1\n"));

    private static async Task CompareAsync(List<(string Command, string Output)> session, string prefix, string folder)
    {
        for (int step = 0; step < session.Count; step++)
        {
            string printed = await File.ReadAllTextAsync(Path.Combine(folder, $"{prefix}{step}"), TestContext.Current.CancellationToken);
            Assert.True(
                Comparable(session[step].Output) == Comparable(printed),
                $"{session[step].Command}\n--- shown\n{session[step].Output}\n--- printed\n{printed}");
        }
    }

    /// <summary>The commands of the console blocks, each with the output that is shown.</summary>
    private static List<(string Command, string Output)> Session(string document)
    {
        var session = new List<(string Command, string Output)>();
        foreach (Match block in Regex.Matches(document, "^```console\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline))
        {
            foreach (string line in block.Groups[1].Value.TrimEnd('\n').Split('\n'))
            {
                if (line.StartsWith("$ ", StringComparison.Ordinal)) session.Add((line[2..], ""));
                else if (line.StartsWith("> ", StringComparison.Ordinal)) session[^1] = (session[^1].Command + "\n" + line[2..], "");
                else session[^1] = (session[^1].Command, session[^1].Output + line + "\n");
            }
        }

        return session;
    }

    /// <summary>Without times and blanks at a line's end.</summary>
    private static string Comparable(string output) =>
        string.Join('\n', output.Trim().Split('\n').Select(line => Regex.Replace(line.TrimEnd(), @"[0-9]+\.[0-9]+s", "Ts")));
}
