using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>The hostile cases of a block device (tests/guests/blk-hostile), with a second disk that has to go on working.</summary>
public sealed class HostileTests
{
    public static TheoryData<int, string> Cases
    {
        get
        {
            var data = new TheoryData<int, string>();
            for (int number = 1; number <= 28; number++)
            {
                if (number != 22) data.Add(number, number == 21 ? "n=100000" : "");
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_hostile_guest_breaks_only_its_own_device(int number, string options)
    {
        using var attacked = new PatternImage(64);
        using var bystander = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-hostile", $"case={number} {options}", "--cpus", "boot=2",
            "--disk", $"path={attacked.Path},image_type=raw", $"path={bystander.Path},image_type=raw");

        string serial = await vmm.FinishAsync(TimeSpan.FromSeconds(120));

        Assert.True(serial.Contains($"case {number} ok"), vmm.Everything());
        // One line for a state, not one for an event.
        Assert.True(vmm.Log.Split('\n').Length < 200, vmm.Everything());
    }
}
