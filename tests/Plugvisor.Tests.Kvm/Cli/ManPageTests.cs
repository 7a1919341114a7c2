using System.Diagnostics;
using System.Text.RegularExpressions;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Cli;

/// <summary>The man pages of docs/man are those of the published programs, and roff has nothing to say of them.</summary>
public sealed class ManPageTests
{
    [Theory]
    [InlineData("plugvisor")]
    [InlineData("plugvisor-remote")]
    public async Task The_page_in_the_repository_is_the_programs_own(string program)
    {
        string own = await RunAsync(Repository.Program(program), "man");
        string kept = await File.ReadAllTextAsync(PathOf(program), TestContext.Current.CancellationToken);
        Assert.True(own == kept, $"docs/man/{program}.1 differs from what '{program} man' prints: run eng/publish and eng/man");
    }

    [Theory]
    [InlineData("plugvisor")]
    [InlineData("plugvisor-remote")]
    public async Task Roff_warns_of_nothing(string program) =>
        Assert.Equal("", await RunAsync("groff", "-ww", "-man", "-Tutf8", "-z", PathOf(program)));

    [Theory]
    [InlineData("plugvisor")]
    [InlineData("plugvisor-remote")]
    public async Task Every_option_and_command_of_the_help_is_in_the_page(string program)
    {
        string help = await RunAsync(Repository.Program(program), "--help");
        string page = (await File.ReadAllTextAsync(PathOf(program), TestContext.Current.CancellationToken)).Replace("\\-", "-");
        MatchCollection names = Regex.Matches(help, "^  (--[a-z-]+|[a-z]+(-[a-z]+)*)(?= |$)", RegexOptions.Multiline);
        Assert.True(names.Count > 15);
        Assert.All(names, name => Assert.Matches($@"\\fB{Regex.Escape(name.Groups[1].Value)}\b", page));
    }

    private static string PathOf(string program) => Path.Combine(Repository.Root, "docs", "man", program + ".1");

    /// <summary>Runs a program; its standard output, behind which comes what it wrote to standard error.</summary>
    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        return await output + await errors;
    }
}
