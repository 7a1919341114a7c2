using Plugvisor.Api;
using Plugvisor.Tests.Unit.DBus;
using Xunit;

namespace Plugvisor.Tests.Unit.Remote;

/// <summary>plugvisor-remote on a real dbus-daemon, asking our own D-Bus front end.</summary>
public sealed class DBusTests
{
    private static readonly string[] Where = ["--dbus-service-name", BusRig.Name, "--dbus-object-path", BusRig.ObjectPath];

    [Fact]
    public async Task A_document_comes_back_as_text()
    {
        await using BusRig rig = await BusRig.StartAsync();
        rig.Api.Answer = (_, _) => Task.FromResult(FakeVmmApi.Json("""{"version":"ü"}"""));
        Assert.Equal((0, "{\"version\":\"ü\"}\n"), await AskAsync(rig, "ping"));
        Assert.Equal([("vmm.ping", "")], rig.Api.Asked);
    }

    [Fact]
    public async Task Documents_go_as_text_and_no_result_prints_nothing()
    {
        await using BusRig rig = await BusRig.StartAsync();
        Assert.Equal((0, ""), await AskAsync(rig, "boot"));
        Assert.Equal((0, ""), await AskAsync(rig, "shutdown-vmm"));
        Assert.Equal((0, ""), await AskAsync(rig, "add-disk", "{\"path\":\"/a\"}"));
        Assert.Equal([("vm.boot", ""), ("vmm.shutdown", ""), ("vm.add-disk", "{\"path\":\"/a\"}")], rig.Api.Asked);
    }

    [Fact]
    public async Task A_device_of_a_third_party_has_its_method_too()
    {
        await using BusRig rig = await BusRig.StartAsync();
        rig.Api.Change(FakeVmmApi.AddFoo);
        rig.Api.Answer = (_, _) => Task.FromResult(FakeVmmApi.Json("""{"id":"_foo0","bdf":"0000:00:05.0"}"""));
        Assert.Equal((0, "{\"id\":\"_foo0\",\"bdf\":\"0000:00:05.0\"}\n"), await AskAsync(rig, "add-foo", "{}"));
    }

    [Fact]
    public async Task A_refusal_is_the_servers_text_with_the_errors_name()
    {
        await using BusRig rig = await BusRig.StartAsync();
        rig.Api.Answer = (_, _) => Task.FromResult(ApiReply.Failed(ApiStatus.InternalError, "The VM could not boot", ["Error from API", "The VM could not boot"]));
        Assert.Equal(
            (1, "Error: ch-remote exited with the following chain of errors:\n  0: dbus zbus client error\n  1: org.freedesktop.DBus.Error.Failed: The VM could not boot\n"),
            await AskAsync(rig, "boot"));
    }

    [Theory]
    [InlineData("nmi", "vm.nmi cannot be asked for over D-Bus; --api-socket can")]
    [InlineData("resize-disk --disk d --size 1G", "vm.resize-disk cannot be asked for over D-Bus; --api-socket can")]
    [InlineData("events", "vmm.events cannot be followed over D-Bus")]
    [InlineData("restore source_url=a,net_fds=[n@[0]]", "File descriptors cannot be sent over D-Bus; --api-socket can")]
    public async Task What_d_bus_does_not_have_is_refused_here(string line, string reason)
    {
        RemoteProcess result = await RemoteProcess.RunAsync([.. Where, .. line.Split(' ')]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"  1: {reason}", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_nobody_owns_is_the_buss_error()
    {
        using var bus = new PrivateBus();
        (int code, string output) = await bus.RunAsync(RemoteProcess.Program, [.. Where, "ping"]);
        Assert.Equal(1, code);
        Assert.Contains("org.freedesktop.DBus.Error.ServiceUnknown: The name org.plugvisor.Test1 was not provided by any .service files", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bus_that_is_not_there_is_an_error()
    {
        using var bus = new PrivateBus();
        bus.Kill();
        (int code, string output) = await bus.RunAsync(RemoteProcess.Program, [.. Where, "ping"]);
        Assert.Equal(1, code);
        Assert.Contains("  1: open the session bus: ", output, StringComparison.Ordinal);
    }

    private static Task<(int Code, string Output)> AskAsync(BusRig rig, params string[] command) => rig.Bus.RunAsync(RemoteProcess.Program, [.. Where, .. command]);
}
