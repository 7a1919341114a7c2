using Microsoft.Extensions.Logging.Abstractions;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Devices;

/// <summary>How a device's failure reaches its bus side, whenever it comes.</summary>
public sealed class DeviceHostTests
{
    private readonly List<string> _failures = [];
    private readonly DeviceHost _host;

    public DeviceHostTests()
    {
        var log = new DeviceLog("_dev0", NullLogger.Instance, TimeProvider.System);
        _host = new DeviceHost("_dev0", new GuestMemory(), log, TimeProvider.System, new DeviceServices());
    }

    [Fact]
    public void A_failure_while_the_device_is_made_is_told_when_there_is_somebody_to_tell()
    {
        _host.Fail("first");
        _host.Fail("second");
        _host.OnFail(_failures.Add);
        Assert.Equal(["first"], _failures);
    }

    [Fact]
    public void A_device_that_was_reset_can_fail_again()
    {
        _host.OnFail(_failures.Add);
        _host.Fail("the file is gone");
        _host.Fail("the file is gone");
        Assert.Equal(["the file is gone", "the file is gone"], _failures);
    }

    [Fact]
    public void An_exception_that_leaves_a_thread_of_the_device_is_a_failure()
    {
        _host.OnFail(_failures.Add);
        _host.StartThread("_dev0_q0", () => throw new InvalidOperationException("no luck")).Join();
        Assert.Equal("its thread _dev0_q0 threw InvalidOperationException: no luck", Assert.Single(_failures));
    }
}
