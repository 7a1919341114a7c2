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
            string output = Run("iasl", folder, "-d", name + ".aml");
            Assert.DoesNotContain("Invalid", output, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("incorrect", output, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("Error", output, StringComparison.Ordinal);
            string source = File.ReadAllText(Path.Combine(folder, name + ".dsl"));
            Assert.DoesNotContain("Invalid", source, StringComparison.Ordinal);

            output = Run("iasl", folder, "-oa", "-p", "again", name + ".dsl");
            Assert.True(output.Contains(" 0 Errors, 0 Warnings", StringComparison.Ordinal), output + source);
            return (source, File.ReadAllBytes(Path.Combine(folder, "again.aml")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Executes control methods of a DSDT with ACPICA's interpreter; registers are plain memory there.</summary>
    /// <param name="table">The DSDT.</param>
    /// <param name="values">What fields hold at first, such as <c>\_SB.GEC.GDAT 0x0F</c>; the others hold 0.</param>
    /// <param name="commands">Commands of acpiexec, such as <c>evaluate \_SB.CPUS.CSCN</c>.</param>
    /// <returns>What it prints.</returns>
    public static string Execute(byte[] table, string[] values, params string[] commands)
    {
        string folder = Directory.CreateTempSubdirectory("plugvisor-acpiexec-").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "dsdt.aml"), table);
            File.WriteAllLines(Path.Combine(folder, "values"), values);
            return Run("acpiexec", folder, "-fi", "values", "-b", string.Join(';', commands), "dsdt.aml");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Run(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
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
            Assert.Fail($"{program} is missing: install the package acpica-tools, or run eng/deps");
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
