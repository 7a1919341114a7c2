using Plugvisor.Control;
using Xunit;

namespace Plugvisor.Tests.Unit.Control;

public sealed class AdmissionPolicyTests
{
    // None, Created, Running, Paused: y is legal.
    [Theory]
    [InlineData(VmmCommandKind.Create, "ynnn")]
    [InlineData(VmmCommandKind.Boot, "nynn")]
    [InlineData(VmmCommandKind.Pause, "nnyn")]
    [InlineData(VmmCommandKind.Resume, "nnny")]
    [InlineData(VmmCommandKind.Shutdown, "nnyy")]
    [InlineData(VmmCommandKind.Reboot, "nnyy")]
    [InlineData(VmmCommandKind.Delete, "yyyy")]
    [InlineData(VmmCommandKind.PowerButton, "nnyy")]
    [InlineData(VmmCommandKind.Nmi, "nnyy")]
    [InlineData(VmmCommandKind.Counters, "nnyy")]
    [InlineData(VmmCommandKind.ShutdownVmm, "yyyy")]
    public void A_command_is_legal_in_exactly_the_states_of_the_table(VmmCommandKind command, string legal)
    {
        string answer = "";
        foreach (VmState state in Enum.GetValues<VmState>()) answer += AdmissionPolicy.Refusal(command, state) is null ? 'y' : 'n';
        Assert.Equal(legal, answer);
    }

    [Fact]
    public void Every_command_is_in_the_table()
    {
        int rows = typeof(AdmissionPolicyTests).GetMethod(nameof(A_command_is_legal_in_exactly_the_states_of_the_table))!
            .GetCustomAttributes(typeof(InlineDataAttribute), false).Length;
        Assert.Equal(Enum.GetValues<VmmCommandKind>().Length, rows);
    }

    [Theory]
    [InlineData(VmmCommandKind.Boot, VmState.None, "VM is not created")]
    [InlineData(VmmCommandKind.Boot, VmState.Running, "VM is already created")]
    [InlineData(VmmCommandKind.Shutdown, VmState.Created, "VM is not running")]
    [InlineData(VmmCommandKind.Pause, VmState.Paused, "Invalid transition: InvalidStateTransition(Paused, Paused)")]
    public void A_refusal_says_why_in_the_words_of_the_api(VmmCommandKind command, VmState state, string text) =>
        Assert.Equal(text, AdmissionPolicy.Refusal(command, state));
}
