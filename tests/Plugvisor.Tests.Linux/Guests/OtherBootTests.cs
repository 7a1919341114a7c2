using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

public sealed class OtherBootTests(OtherBoots boots) : IClassFixture<OtherBoots>
{
    [Fact]
    public void The_packed_kernel_boots_with_a_plain_command_line()
    {
        Assert.True(boots.Packed is { ScriptStatus: 0, Status: 0 }, boots.Packed.Everything);
        Assert.EndsWith("-amd64", boots.Packed["release"]);
    }

    [Fact]
    public void The_kernels_messages_come_over_the_serial_line()
    {
        Assert.True(boots.Packed.Output.Contains("Linux version 6.", StringComparison.Ordinal), boots.Packed.Everything);
    }

    [Fact]
    public void A_guest_that_reboots_comes_up_again_in_the_same_process()
    {
        Assert.True(boots.Rebooting is { ScriptStatus: 0, Status: 0 }, boots.Rebooting.Everything);
        Assert.True(boots.Rebooting.Output.Contains("boot=first", StringComparison.Ordinal), boots.Rebooting.Everything);
        Assert.True(boots.Rebooting["boot"] == "second", boots.Rebooting.Everything);
    }

    [Fact]
    public void A_shell_on_the_serial_line_can_be_typed_on()
    {
        Assert.True(boots.Typed.Output.Contains("product=42", StringComparison.Ordinal), boots.Typed.Everything);
        Assert.True(boots.Typed.Status == 0, boots.Typed.Everything);
    }

    [Fact]
    public void Hvc0_writes_to_the_terminal() => Assert.True(boots.Console["tty"] == "/dev/hvc0", boots.Console.Everything);

    [Fact]
    public void Hvc0_hears_the_terminal() => Assert.True(boots.Console["heard"] == "over the console", boots.Console.Everything);

    [Fact]
    public void Sigterm_ends_the_process_with_0() => Assert.True(boots.Terminated.Status == 0, boots.Terminated.Everything);

    [Fact]
    public async Task What_was_flushed_is_on_the_disk_after_a_kill()
    {
        Assert.True(boots.Killed["flushed"] == "1" && boots.Killed.Status == 137, boots.Killed.Everything);
        Assert.Equal("", await boots.KilledDisk.RecoverAsync());
        string numbers = await boots.KilledDisk.ReadAsync("numbers");
        Assert.Equal(string.Concat(Enumerable.Range(1, 100_000).Select(number => $"{number}\n")), numbers);
    }
}
