using System.Diagnostics;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Acpi;

/// <summary>Intel's ACPI compiler, the judge of our tables.</summary>
internal static class Iasl
{
    /// <summary>Disassembles a table, compiles the result again, and returns both.</summary>
    /// <param name="table">The table.</param>
    /// <param name="name">Base name of the files.</param>
    public static (string Source, byte[] Compiled) RoundTrip(byte[] table, string name)
    {
        string folder = Directory.CreateTempSubdirectory("plugvisor-iasl-").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, name + ".aml"), table);
            string output = Run(folder, "-d", name + ".aml");
            Assert.DoesNotContain("Invalid", output, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("incorrect", output, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("Error", output, StringComparison.Ordinal);
            string source = File.ReadAllText(Path.Combine(folder, name + ".dsl"));
            Assert.DoesNotContain("Invalid", source, StringComparison.Ordinal);

            output = Run(folder, "-oa", "-p", "again", name + ".dsl");
            Assert.True(output.Contains(" 0 Errors, 0 Warnings", StringComparison.Ordinal), output + source);
            return (source, File.ReadAllBytes(Path.Combine(folder, "again.aml")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("iasl", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Fail("iasl is missing: install the package acpica-tools, or run eng/deps");
            throw;
        }

        using (process)
        {
            // One stream ends before the other is read: iasl writes less than a pipe holds to stderr.
            string output = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, output);
            return output;
        }
    }
}
