using System.Diagnostics.CodeAnalysis;
using Plugvisor.DBus.Bus;
using Plugvisor.DBus.Systemd;
using Plugvisor.Testing.Conformance;
using Xunit;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>Connections leave nothing behind.</summary>
[Collection(nameof(WholeProcess))]
public sealed class BusResourceTests
{
    [Fact]
    public async Task Connections_that_end_and_connections_that_fail_leave_nothing_behind()
    {
        using var bus = new PrivateBus();
        await RoundAsync(bus);
        int descriptors = ProcessResources.OpenDescriptors;
        for (int i = 0; i < 30; i++) await RoundAsync(bus);
        Assert.True(ProcessResources.DescriptorsFallTo(descriptors + 5), "descriptors are left open");
    }

    [Fact]
    public async Task Descriptors_that_come_with_a_call_are_closed()
    {
        await using BusRig rig = await BusRig.StartAsync();
        await SendDescriptorsAsync(rig, 1);
        int before = ProcessResources.OpenDescriptors;
        await SendDescriptorsAsync(rig, 50);
        Assert.True(ProcessResources.DescriptorsFallTo(before + 5), "descriptors are left open");
        Assert.Empty(rig.Api.Asked);
    }

    private static async Task SendDescriptorsAsync(BusRig rig, int count)
    {
        (int code, string output) = await rig.Bus.RunAsync("/usr/bin/python3", "-c",
            $"""
            import dbus, os
            call = dbus.SessionBus().get_object('{BusRig.Name}', '{BusRig.ObjectPath}', introspect=False).get_dbus_method('VmCreate', '{BusRig.Interface}')
            for _ in range({count}):
                try: call(dbus.types.UnixFd(os.open('/dev/null', 0)))
                except dbus.DBusException as e: assert "not the types 'h'" in str(e)
                else: raise SystemExit('taken')
            """);
        Assert.Equal((0, ""), (code, output));
    }

    private static async Task RoundAsync(PrivateBus bus)
    {
        using var first = new Connection(bus.Address);
        await first.Owned.Task.WaitAsync(TestContext.Current.CancellationToken);
        using var second = new Connection(bus.Address);
        await Assert.ThrowsAsync<BusException>(() => second.Ended);
        first.Stop();
        await first.Ended;
        using var third = new Connection("unix:path=/nowhere");
        await Assert.ThrowsAsync<BusException>(() => third.Ended);
    }

    /// <summary>A connection of a service that has nothing to say, on a thread of its own.</summary>
    private sealed class Connection : IBusService, IDisposable
    {
        private readonly IBusConnection _connection;

        public Connection(string address)
        {
            _connection = new SdBusConnector().Create(address, BusRig.Name, this);
            Ended = Task.Factory.StartNew(_connection.Run, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        public TaskCompletionSource Owned { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Ended { get; }

        public bool IsDone => true;

        public void OnOwned() => Owned.SetResult();

        public void OnCall(IBusCall call) => Assert.Fail("nobody calls");

        public bool TryTakeSignal([NotNullWhen(true)] out BusSignal? signal)
        {
            signal = null;
            return false;
        }

        public void Stop() => _connection.Stop();

        public void Dispose() => _connection.Dispose();
    }
}
