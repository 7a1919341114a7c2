using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>The packed kernel, and what goes over the serial line and hvc0.</summary>
public sealed class ConsoleGuestTests(ConsoleGuests guests) : IClassFixture<ConsoleGuests>
{
    [Fact]
    public void The_packed_kernel_boots_with_a_plain_command_line()
    {
        Assert.True(guests.Packed is { ScriptStatus: 0, Status: 0 }, guests.Packed.Everything);
        Assert.EndsWith("-amd64", guests.Packed["release"]);
    }

    [Fact]
    public void The_kernels_messages_come_over_the_serial_line()
    {
        Assert.True(guests.Packed.Output.Contains("Linux version 6.", StringComparison.Ordinal), guests.Packed.Everything);
    }

    [Fact]
    public void A_shell_on_the_serial_line_can_be_typed_on()
    {
        Assert.True(guests.Typed.Output.Contains("product=42", StringComparison.Ordinal), guests.Typed.Everything);
        Assert.True(guests.Typed.Status == 0, guests.Typed.Everything);
    }

    [Fact]
    public void Hvc0_writes_to_the_terminal() => Assert.True(guests.Console["tty"] == "/dev/hvc0", guests.Console.Everything);

    [Fact]
    public void Hvc0_hears_the_terminal() => Assert.True(guests.Console["heard"] == "over the console", guests.Console.Everything);
}
