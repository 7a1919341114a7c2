using System.Diagnostics;
using Plugvisor.Api;
using Plugvisor.DBus;
using Plugvisor.DBus.Bus;
using Plugvisor.DBus.Systemd;
using Xunit;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>What the log says and what happens when the bus is not there, does not want us, or goes away.</summary>
public sealed class BusTroubleTests
{
    private static readonly TimeSpan s_end = TimeSpan.FromMilliseconds(900);

    [Fact]
    public async Task A_missing_bus_is_an_error_with_its_address()
    {
        await using var rig = new BusRig(environment: _ => "unix:path=/nowhere/bus");
        rig.Start();
        string line = await rig.Logs.WaitForAsync("D-Bus: ");
        Assert.Equal(
            "D-Bus: no connection to the bus at unix:path=/nowhere/bus: connect to unix:path=/nowhere/bus: No such file or directory (errno 2). "
            + "The VM goes on; the D-Bus API is away until that has changed", line);
    }

    [Fact]
    public async Task A_process_without_a_session_is_told_so()
    {
        await using var rig = new BusRig(environment: _ => null);
        rig.Start();
        Assert.StartsWith("D-Bus: there is no session bus here: neither DBUS_SESSION_BUS_ADDRESS nor", await rig.Logs.WaitForAsync("D-Bus: "));
    }

    [Theory]
    [InlineData("nonsense", "no connection to the bus at nonsense: ")]
    [InlineData("unix:", "there is no D-Bus API")]
    public async Task An_address_that_is_none_is_an_error(string address, string message)
    {
        await using var rig = new BusRig(environment: _ => address);
        rig.Start();
        Assert.Contains(message, await rig.Logs.WaitForAsync("D-Bus: "));
    }

    [Fact]
    public async Task A_name_that_is_taken_is_an_error_and_is_left_alone()
    {
        await using BusRig first = await BusRig.StartAsync();
        await using var second = new BusRig(environment: first.Bus.Environment);
        second.Start();

        Assert.Equal(
            "D-Bus: the name org.plugvisor.Test1 is owned by another program on the bus; choose another --dbus-service-name. "
            + "The VM goes on; there is no D-Bus API", await second.Logs.WaitForAsync("D-Bus: "));
        await first.CallAsync("VmBoot");
        Assert.Single(first.Api.Asked);
        Assert.Empty(second.Api.Asked);
    }

    [Fact]
    public async Task A_name_that_the_bus_refuses_is_an_error_with_its_reason()
    {
        await using var rig = new BusRig("org.plugvisor.Forbidden");
        rig.Start();
        string line = await rig.Logs.WaitForAsync("D-Bus: ");
        Assert.StartsWith("D-Bus: the bus refuses the name org.plugvisor.Forbidden: Connection \":1.", line);
        Assert.Contains("is not allowed to own the service", line);
    }

    [Fact]
    public async Task A_bus_that_dies_is_told_once_and_found_again()
    {
        await using BusRig rig = await BusRig.StartAsync();
        var answer = new TaskCompletionSource<ApiReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = (_, _) => answer.Task;
        Task<(int Code, string Output)> call = rig.CallAsync("VmBoot");
        while (rig.Api.Asked.IsEmpty) await Task.Yield();

        rig.Bus.Kill();

        Assert.Equal(
            "D-Bus: the bus has closed the connection. The VM goes on; the D-Bus API is away until that has changed",
            await rig.Logs.WaitForAsync("D-Bus: "));
        Assert.Equal(1, (await call).Code);
        answer.SetResult(ApiReply.Done);
        rig.Events.Publish("vm", "booted");

        rig.Bus.Start();
        await rig.Logs.WaitForAsync("D-Bus API: ", times: 2);
        Assert.Equal((0, ""), await rig.CallAsync("VmBoot"));
    }

    [Fact]
    public async Task An_end_that_comes_while_the_thread_wakes_up_for_an_event_is_not_missed()
    {
        await using BusRig rig = await BusRig.StartAsync();
        for (int i = 0; i < 600; i++)
        {
            using var logs = new RecordingLogs();
            var api = new DBusApi(new DBusOptions($"{BusRig.Name}.Round{i}", BusRig.ObjectPath, systemBus: false), rig.Events, logs, new SdBusConnector(), rig.Bus.Environment);
            api.Start(rig.Api);
            await logs.WaitForAsync("D-Bus API: ");
            rig.Events.Publish("vm", "booted");
            Thread.SpinWait(i * 20 % 1000);
            await api.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_bus_that_does_not_answer_keeps_nobody_from_ending()
    {
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < 5 && best > s_end; i++)
        {
            var rig = new BusRig();
            rig.Bus.Signal("STOP");
            rig.Start();
            long start = Stopwatch.GetTimestamp();
            await rig.DBus.DisposeAsync();
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            if (took < best) best = took;
            rig.Bus.Signal("CONT");
            await rig.DisposeAsync();
        }

        Assert.InRange(best, TimeSpan.Zero, s_end);   // libsystemd would wait for 25 s
    }

    [Fact]
    public async Task A_program_that_is_no_bus_is_told()
    {
        string path = Path.Combine(Path.GetTempPath(), $"plugvisor-nobus-{Environment.ProcessId}");
        using var listener = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        listener.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
        listener.Listen();
        await using var rig = new BusRig(environment: _ => "unix:path=" + path);
        rig.Start();
        using (System.Net.Sockets.Socket guest = await listener.AcceptAsync(TestContext.Current.CancellationToken))
            await guest.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
        File.Delete(path);
        Assert.EndsWith("The VM goes on; the D-Bus API is away until that has changed", await rig.Logs.WaitForAsync("D-Bus: "));
    }

    [Fact]
    public async Task A_bus_that_dies_while_signals_are_sent_is_told_the_same_way()
    {
        for (int i = 0; i < 10; i++)
        {
            await using BusRig rig = await BusRig.StartAsync();
            using var stop = new CancellationTokenSource();
            Task publisher = Task.Run(() =>
            {
                while (!stop.IsCancellationRequested) rig.Events.Publish("test", "noise");
            }, TestContext.Current.CancellationToken);
            rig.Bus.Kill();
            string line = await rig.Logs.WaitForAsync("D-Bus: ");
            await stop.CancelAsync();
            await publisher;
            Assert.StartsWith("D-Bus: the bus has closed the connection. ", line);
        }
    }

    [Fact]
    public async Task A_bus_that_comes_later_is_found()
    {
        await using var rig = new BusRig();
        rig.Bus.Kill();
        rig.Start();
        await rig.Logs.WaitForAsync("no connection to the bus at");
        rig.Bus.Start();
        await rig.Logs.WaitForAsync("D-Bus API: ");
        Assert.Single(rig.Logs.Errors);
    }

    [Fact]
    public async Task The_system_bus_is_where_the_environment_says()
    {
        using var bus = new PrivateBus();
        await using var rig = new BusRig(environment: name => name == "DBUS_SYSTEM_BUS_ADDRESS" ? bus.Address : null, systemBus: true);
        rig.Start();
        Assert.EndsWith("on the system bus", await rig.Logs.WaitForAsync("D-Bus API: "));
        Assert.Equal(0, (await bus.RunAsync(
            "busctl", "--user", "call", BusRig.Name, BusRig.ObjectPath, BusRig.Interface, "VmBoot")).Code);
    }

    [Fact]
    public void Addresses_follow_the_specification()
    {
        Assert.Equal("unix:path=/run/dbus/system_bus_socket", BusAddress.Of(system: true, _ => null));
        Assert.Equal("unix:path=/run/user/1%20%3b/bus", BusAddress.Of(system: false, name => name == "XDG_RUNTIME_DIR" ? "/run/user/1 ;" : ""));
        Assert.Throws<BusException>(() => BusAddress.Of(system: false, _ => null));
    }

    [Theory]
    [InlineData("org", "/a", "service name 'org': it takes two or more parts")]
    [InlineData("", "/a", "service name '': it takes two or more parts")]
    [InlineData("org..a", "/a", "a part of it is empty")]
    [InlineData("org.1a", "/a", "its part '1a' starts with a digit")]
    [InlineData("org.a b", "/a", "' ' is not allowed in it")]
    [InlineData("org.a-b", "a", "object path 'a': it starts with /")]
    [InlineData("org.a", "/a/", "it has an empty part")]
    [InlineData("org.a", "/a-b", "'-' is not allowed in it")]
    [InlineData("org.a", "", "object path ''")]
    public void Names_that_no_bus_takes_are_refused_in_words(string name, string path, string message) =>
        Assert.Contains(message, Assert.Throws<FormatException>(() => new DBusOptions(name, path)).Message);

    [Theory]
    [InlineData("org.a-b._c", "/")]
    [InlineData("a.b", "/a/_1")]
    public void Names_that_a_bus_takes_are_taken(string name, string path) => Assert.Equal(name, new DBusOptions(name, path).ServiceName);

    [Fact]
    public void A_name_has_255_characters_at_most()
    {
        _ = new DBusOptions("a." + new string('b', 253), "/a");
        Assert.Throws<FormatException>(() => new DBusOptions("a." + new string('b', 254), "/a"));
    }
}
