using Plugvisor.Hypervisor.Kvm;
using Xunit;

namespace Plugvisor.Tests.Unit.Hypervisor.Kvm;

public sealed class KvmOpenErrorTests
{
    [Theory]
    [InlineData(1, "may not be opened by this user", "usermod -aG kvm")]
    [InlineData(2, "does not exist", "modprobe kvm_intel or kvm_amd")]
    [InlineData(6, "has no driver behind it", "modprobe kvm_intel or kvm_amd")]
    [InlineData(13, "may not be opened by this user", "usermod -aG kvm")]
    [InlineData(16, "is in use by another hypervisor", "stop it first")]
    [InlineData(19, "has no driver behind it", "kernel log")]
    [InlineData(24, "cannot be opened", "(errno 24)")]
    public void The_message_is_one_line_with_the_path_the_reason_and_the_fix(int errno, string reason, string fix)
    {
        string message = KvmOpenError.Explain("/dev/kvm", errno);

        Assert.StartsWith($"/dev/kvm {reason}", message, StringComparison.Ordinal);
        Assert.Contains(fix, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
