using Plugvisor.DBus.Systemd;
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
        int descriptors = Directory.GetFiles("/proc/self/fd").Length;
        for (int i = 0; i < 30; i++) await RoundAsync(bus);
        Assert.InRange(Directory.GetFiles("/proc/self/fd").Length, 0, descriptors + 5);
        // The last ones may be on their way out.
        Assert.InRange(Threads(), 0, 2);
    }

    [Fact]
    public async Task Descriptors_that_come_with_a_call_are_closed()
    {
        await using BusRig rig = await BusRig.StartAsync();
        await SendDescriptorsAsync(rig, 1);
        int before = Directory.GetFiles("/proc/self/fd").Length;
        await SendDescriptorsAsync(rig, 50);
        Assert.InRange(Directory.GetFiles("/proc/self/fd").Length, 0, before + 5);
        Assert.Empty(rig.Api.Asked);
    }

    private static int Threads()
    {
        int count = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(task, "comm")).StartsWith("dbus-thread", StringComparison.Ordinal)) count++;
            }
            catch (IOException)
            {
                // It has just ended.
            }
        }

        return count;
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
        var connector = new SdBusConnector();
        await using (await connector.ConnectAsync(bus.Address, BusRig.Name, _ => { }, TestContext.Current.CancellationToken))
        {
            await Assert.ThrowsAsync<Plugvisor.DBus.Bus.BusException>(
                () => connector.ConnectAsync(bus.Address, BusRig.Name, _ => { }, TestContext.Current.CancellationToken));
        }

        await Assert.ThrowsAsync<Plugvisor.DBus.Bus.BusException>(
            () => connector.ConnectAsync("unix:path=/nowhere", BusRig.Name, _ => { }, TestContext.Current.CancellationToken));
    }
}
