using System.Text.RegularExpressions;
using Plugvisor.Tests.Linux.Hosting;
using Xunit;

namespace Plugvisor.Tests.Linux.Api;

/// <summary>What docs/api.md shows is what happens: its commands are run in their order by one shell, as a reader types them.</summary>
public sealed class DocumentTests
{
    // Where the document's reader finds the guest that eng/guest/build makes, unless PLUGVISOR_CACHE says otherwise.
    private const string Guest = "/var/tmp/plugvisor/guest";

    [Fact]
    public async Task Every_command_of_the_document_prints_what_is_shown()
    {
        List<(string Command, string Output)> session = Session(await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "docs", "api.md"), TestContext.Current.CancellationToken));
        Assert.True(session.Count > 20);
        string folder = Directory.CreateTempSubdirectory("plugvisor-linux-").FullName;
        try
        {
            // Where files stay, those of /tmp are a folder's own. The commands on standard error say how far a session came that does not end.
            await LinuxHost.RunAsync(
                $"""
                here=''
                [ "$RESULTS" = /results ] || here=$(mktemp -d)
                mkdir -p $here/tmp
                cd '{Repository.Root}'
                run() {"{"} sed -E "s#(^|[^a-z])/tmp/#\1$here/tmp/#g; s#{Guest}#{Repository.Guest}#g" >$RESULTS/command; {"}"}

                """ + string.Concat(session.Select((step, number) => $"run <<'COMMAND'\n{step.Command}\nCOMMAND\ncat $RESULTS/command >&2\neval \"$(cat $RESULTS/command)\" >$RESULTS/{number} 2>&1\n"))
                + "[ -z \"$here\" ] || rm -rf \"$here\"\n",
                folder, TimeSpan.FromSeconds(300));
            for (int step = 0; step < session.Count; step++)
            {
                string printed = await File.ReadAllTextAsync(Path.Combine(folder, $"{step}"), TestContext.Current.CancellationToken);
                Assert.True(Comparable(session[step].Output) == Comparable(printed), $"{session[step].Command}\n--- shown\n{session[step].Output}\n--- printed\n{printed}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
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

    /// <summary>Without what differs from run to run: numbers, but for a status, and blanks at a line's end, which no editor keeps.</summary>
    private static string Comparable(string output) => string.Join('\n', output.TrimEnd().Split('\n').Select(line =>
        line.StartsWith("HTTP/", StringComparison.Ordinal) ? line.TrimEnd() : Regex.Replace(line.TrimEnd(), "[0-9]+", "N")));
}
