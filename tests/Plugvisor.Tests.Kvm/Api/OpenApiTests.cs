using System.Diagnostics;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The description of the API, as the shipped executable prints it.</summary>
public sealed class OpenApiTests
{
    [Fact]
    public async Task The_document_passes_an_independent_linter_without_a_warning()
    {
        using VmmProcess vmm = VmmProcess.Start("openapi");
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, await vmm.FinishAsync(), TestContext.Current.CancellationToken);
            using Process lint = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "eng", "openapi-lint"), [file])
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            Task<string> output = lint.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            Task<string> errors = lint.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await lint.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(7), TestContext.Current.CancellationToken);
            Assert.True(lint.ExitCode == 0, await output + await errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task An_unknown_option_is_a_usage_error()
    {
        using VmmProcess vmm = VmmProcess.Start("openapi", "--yaml");
        Assert.Equal(2, await vmm.WaitForExitAsync());
        Assert.Contains("--yaml is no option of it", vmm.Log, StringComparison.Ordinal);
    }
}
