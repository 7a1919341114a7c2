using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>The hostile cases of a block device (tests/guests/blk-hostile), with a second disk that has to go on working.</summary>
public sealed class HostileTests
{
    public static TheoryData<int> Cases
    {
        get
        {
            var data = new TheoryData<int>();
            for (int number = 1; number <= 27; number++)
            {
                if (number is not (21 or 22)) data.Add(number);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Hostile_01_to_27_a_hostile_guest_breaks_only_its_own_device(int number) => RunAsync(number);

    [Fact]
    public Task Hostile_28_a_reset_with_128_requests_in_flight_lets_none_of_them_write_later() => RunAsync(28);

    /// <summary>
    /// Each of 100,000 resets comes with reads made available and the doorbell rung. What that costs the VMM beside the vCPU, whose exits are the
    /// guest's own time, is less than a core-second; the bound leaves room for a busy machine.
    /// </summary>
    [Fact]
    public async Task Hostile_21_a_status_toggled_100000_times_with_io_in_flight_costs_little()
    {
        using var attacked = new PatternImage(64);
        using var bystander = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-hostile", "case=21 n=100000",
            "--disk", $"path={attacked.Path},image_type=raw", $"path={bystander.Path},image_type=raw");

        await vmm.WaitForAsync("case 21 resets", TimeSpan.FromMinutes(4));
        TimeSpan used = vmm.ProcessorTime(thread => !thread.StartsWith("vcpu", StringComparison.Ordinal));
        TestContext.Current.TestOutputHelper?.WriteLine($"{used.TotalMilliseconds:0} ms of processor time beside the vCPU");
        string serial = await vmm.FinishAsync(TimeSpan.FromMinutes(2));

        Assert.True(serial.Contains("case 21 ok"), vmm.Everything());
        Assert.True(used.TotalSeconds < 3, $"{used} of processor time beside the vCPU");
        Assert.True(vmm.Log.Split('\n').Length < 200, vmm.Everything());
    }

    private static async Task RunAsync(int number)
    {
        using var attacked = new PatternImage(64);
        using var bystander = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-hostile", $"case={number}", "--cpus", "boot=2",
            "--disk", $"path={attacked.Path},image_type=raw", $"path={bystander.Path},image_type=raw");

        string serial = await vmm.FinishAsync(TimeSpan.FromSeconds(120));

        Assert.True(serial.Contains($"case {number} ok"), vmm.Everything());
        // One line for a state, not one for an event.
        Assert.True(vmm.Log.Split('\n').Length < 200, vmm.Everything());
    }
}
