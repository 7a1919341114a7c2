using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

public sealed class OtherDeviceTests
{
    [Fact]
    public async Task The_guest_reads_entropy()
    {
        using VmmProcess vmm = VmmProcess.Boot("rng", "bytes=4096 count=4");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("rng bytes ") && serial.Contains(" ok"), vmm.Everything());
    }

    [Fact]
    public async Task The_console_echoes_what_is_typed()
    {
        string serial = Path.Combine("/var/tmp", $"plugvisor-test-{Guid.NewGuid():N}.serial");
        try
        {
            using VmmProcess vmm = VmmProcess.Start("--kernel", GuestImages.Of("console"), "--cmdline", "secs=20 flood=100000",
                "--memory", "size=256M", "--serial", $"file={serial}", "--console", "tty");

            await vmm.WaitForAsync("console ready");
            await vmm.TypeAsync("some words\nquit\n");
            string output = await vmm.FinishAsync();

            Assert.Contains("some words", output);
            Assert.Equal(100_000 / 4096 * 4096 + 4096, output.Count(c => c == '.'));
            Assert.Contains("console echoed 16 lines 2 ok", await File.ReadAllTextAsync(serial, TestContext.Current.CancellationToken));
        }
        finally
        {
            File.Delete(serial);
        }
    }
}
