using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>What cannot start says so with the right exit code, names the thing and leaves nothing behind.</summary>
public sealed class StartFailureTests
{
    private static readonly string Missing = $"/var/tmp/plugvisor-test-{Guid.NewGuid():N}";

    [Fact]
    public async Task A_missing_kernel_is_exit_code_1_and_named() =>
        await Fails(1, Missing, "--kernel", Missing, "--console", "off");

    [Fact]
    public async Task A_kernel_that_is_none_is_exit_code_1_and_named()
    {
        using var image = new PatternImage(1);
        await Fails(1, image.Path, "--kernel", image.Path, "--console", "off");
    }

    [Fact]
    public async Task A_missing_disk_is_exit_code_1_and_named() =>
        await Fails(1, Missing, "--kernel", GuestImages.Of("hello"), "--console", "off", "--disk", $"path={Missing}");

    [Fact]
    public async Task An_unknown_option_is_exit_code_2_and_named() => await Fails(2, "--no-such-thing", "--no-such-thing", "1");

    [Fact]
    public async Task An_unknown_key_is_named() =>
        await Fails(1, "colour", "--kernel", GuestImages.Of("hello"), "--console", "off", "--memory", "size=256M,colour=red");

    [Fact]
    public async Task More_memory_than_there_can_be_is_exit_code_1() =>
        await Fails(1, "memory", "--kernel", GuestImages.Of("hello"), "--console", "off", "--memory", "size=1048576G,prefault=on");

    [Fact]
    public async Task A_second_writer_of_an_image_is_refused_and_the_first_goes_on()
    {
        using var image = new PatternImage(16);
        string disk = $"path={image.Path},image_type=raw";
        using VmmProcess first = VmmProcess.Boot("blk-write", "reqs=0 flush=8", "--disk", disk);
        await first.WaitForAsync("flushed 8");

        await Fails(1, image.Path, "--kernel", GuestImages.Of("hello"), "--console", "off", "--disk", disk);

        int seen = first.Serial.Length;
        await first.WaitForAsync(NextFlush(first.Serial));
        first.Signal("TERM");
        Assert.Equal(0, await first.WaitForExitAsync());
        Assert.True(first.Serial.Length > seen);
        using VmmProcess third = VmmProcess.Boot("hello", "", "--disk", disk);
        await third.FinishAsync();
    }

    [Fact]
    public async Task The_serial_file_is_usable_after_a_failed_start()
    {
        string serial = Missing + ".serial";
        try
        {
            await Fails(1, Missing, "--kernel", GuestImages.Of("hello"), "--console", "off", "--serial", $"file={serial}", "--disk", $"path={Missing}");
            using VmmProcess vmm = VmmProcess.Start("--kernel", GuestImages.Of("hello"), "--console", "off", "--serial", $"file={serial}");
            await vmm.FinishAsync();
            Assert.Equal("hello", (await File.ReadAllTextAsync(serial, TestContext.Current.CancellationToken)).Trim());
        }
        finally
        {
            File.Delete(serial);
        }
    }

    /// <summary>A flush that has not been reported yet when this was printed.</summary>
    private static string NextFlush(string serial)
    {
        string last = serial.Split('\n')[..^1].Last(line => line.StartsWith("flushed ", StringComparison.Ordinal));
        return $"flushed {int.Parse(last["flushed ".Length..]) + 80}";
    }

    private static async Task Fails(int code, string names, params string[] arguments)
    {
        using VmmProcess vmm = VmmProcess.Start(arguments);

        int actual = await vmm.WaitForExitAsync();

        Assert.True(actual == code, $"exit code {actual} instead of {code}.{vmm.Everything()}");
        Assert.True(vmm.Log.Contains(names, StringComparison.Ordinal), $"'{names}' is not named.{vmm.Everything()}");
        Assert.Empty(vmm.Serial);
    }
}
