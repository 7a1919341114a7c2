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
    [InlineData(VmmCommandKind.Ping, "yyyy")]
    [InlineData(VmmCommandKind.Info, "nyyy")]
    [InlineData(VmmCommandKind.AddDevice, "nyyy")]
    [InlineData(VmmCommandKind.RemoveDevice, "nyyy")]
    [InlineData(VmmCommandKind.ChangePlugins, "yyyy")]
    [InlineData(VmmCommandKind.Resize, "nyyy")]
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
    [InlineData(VmmCommandKind.Boot, VmState.None, VmmErrorKind.NotFound, "VM config is missing")]
    [InlineData(VmmCommandKind.Info, VmState.None, VmmErrorKind.NotFound, "VM is not created")]
    [InlineData(VmmCommandKind.Reboot, VmState.Created, VmmErrorKind.NotFound, "VM is not created")]
    [InlineData(VmmCommandKind.Boot, VmState.Running, VmmErrorKind.Failed, "VM is already created")]
    [InlineData(VmmCommandKind.Shutdown, VmState.Created, VmmErrorKind.Failed, "VM is not running")]
    [InlineData(VmmCommandKind.Pause, VmState.Paused, VmmErrorKind.Failed, "Cannot pause VM: Invalid transition: InvalidStateTransition(Paused, Paused)")]
    public void A_refusal_says_why_in_the_words_of_the_api(VmmCommandKind command, VmState state, VmmErrorKind kind, string text)
    {
        VmmException? refusal = AdmissionPolicy.Refusal(command, state);
        Assert.NotNull(refusal);
        Assert.Equal(kind, refusal.Kind);
        Assert.Equal(text, string.Join(": ", ErrorChain.Of(refusal)));
    }
}
