using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

public sealed class BootTests
{
    [Fact]
    public async Task Hello_is_printed_and_power_off_ends_with_exit_code_0()
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "");

        Assert.Equal("hello", (await vmm.FinishAsync()).Trim());
        Assert.Equal("", vmm.Log);
    }

    [Theory]
    [InlineData("memory mib=256")]
    [InlineData("acpi")]
    [InlineData("clock")]
    [InlineData("ports")]
    [InlineData("pages")]
    [InlineData("strings")]
    [InlineData("serial")]
    [InlineData("pci")]
    [InlineData("ecam")]
    [InlineData("bars")]
    public async Task The_machine_is_as_described_and_survives_abuse(string check)
    {
        using VmmProcess vmm = VmmProcess.Boot("machine", $"case={check}");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains($"machine {check.Split(' ')[0]} ok"), vmm.Everything());
    }

    [Fact]
    public async Task Memory_beyond_the_hole_is_there()
    {
        using VmmProcess vmm = VmmProcess.Boot("machine", "case=memory mib=4096", "--memory", "size=4G");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("machine memory ok"), vmm.Everything());
    }

    [Fact]
    public async Task A_second_vcpu_starts_by_init_and_sipi()
    {
        using VmmProcess vmm = VmmProcess.Boot("machine", "case=cpus cpus=2", "--cpus", "boot=2");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("machine cpus ok"), vmm.Everything());
    }

    [Theory]
    [InlineData("reset")]
    [InlineData("keyboard-reset")]
    [InlineData("cmos-reset")]
    [InlineData("triple")]
    public async Task The_guest_boots_again_after(string way)
    {
        using VmmProcess vmm = VmmProcess.Boot("machine", $"case={way}");

        for (int boots = 1; boots <= 3; boots++) await vmm.WaitForAsync(string.Concat(Enumerable.Repeat("machine boot\n", boots)));
        vmm.Signal("TERM");

        Assert.Equal(0, await vmm.WaitForExitAsync());
    }

    [Theory]
    [InlineData("hang")]
    [InlineData("halt")]
    [InlineData("string-endless")]
    public async Task Sigterm_ends_cleanly_whatever_the_guest_does(string what)
    {
        using VmmProcess vmm = VmmProcess.Boot("machine", $"case={what}");

        await vmm.WaitForAsync("machine boot");
        vmm.Signal("TERM");

        Assert.Equal(0, await vmm.WaitForExitAsync(TimeSpan.FromSeconds(5)));
    }
}
