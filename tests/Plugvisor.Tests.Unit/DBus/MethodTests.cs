using System.Diagnostics;
using System.Globalization;
using Plugvisor.Api;
using Xunit;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>Methods, errors and introspection, by stock clients through a real dbus-daemon.</summary>
public sealed class MethodTests : IAsyncLifetime
{
    private const string Interface = BusRig.Interface;
    private BusRig _rig = null!;

    public async ValueTask InitializeAsync() => _rig = await BusRig.StartAsync();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task A_result_is_the_document_as_a_string()
    {
        const string Document = "{\"version\":\"1\",\"ü\":\"a\\\"b\"}";
        _rig.Api.Answer = (_, _) => Task.FromResult(FakeVmmApi.Json(Document));

        Assert.Equal((0, "s \"{\\\"version\\\":\\\"1\\\",\\\"\\303\\274\\\":\\\"a\\\\\\\"b\\\"}\"\n"), await _rig.CallAsync("VmmPing"));
        Assert.Equal((0, $"   string \"{Document}\"\n"), Body(await DbusSendAsync("VmmPing")));
        (int code, string output) = await GdbusAsync("VmInfo");
        Assert.Equal(0, code);
        Assert.Contains("\"version\":\"1\"", output);
        Assert.Equal([("vmm.ping", ""), ("vmm.ping", ""), ("vm.info", "")], _rig.Api.Asked);
    }

    [Fact]
    public async Task The_argument_is_the_document_and_a_method_without_result_returns_nothing()
    {
        const string Document = "{\"payload\":{\"kernel\":\"/ä\"}}";

        Assert.Equal((0, ""), await _rig.CallAsync("VmCreate", Document));
        Assert.Equal((0, ""), Body(await DbusSendAsync("VmCreate", "string:" + Document)));
        Assert.Equal((0, "()\n"), await GdbusAsync("VmCreate", $"'{Document}'"));
        Assert.Equal((0, ""), await _rig.CallAsync("VmBoot"));
        Assert.Equal((0, ""), await _rig.CallAsync("VmmShutdown"));
        Assert.Equal(
            [("vm.create", Document), ("vm.create", Document), ("vm.create", Document), ("vm.boot", ""), ("vmm.shutdown", "")], _rig.Api.Asked);
    }

    [Fact]
    public async Task An_optional_result_that_is_not_there_is_the_empty_string()
    {
        Assert.Equal((0, "s \"\"\n"), await _rig.CallAsync("VmAddDisk", "{}"));
        _rig.Api.Answer = (_, _) => Task.FromResult(FakeVmmApi.Json("{\"id\":\"d\"}"));
        Assert.Equal((0, "('{\"id\":\"d\"}',)\n"), await GdbusAsync("VmAddDisk", "'{}'"));
    }

    [Fact]
    public async Task A_failure_is_Failed_with_the_one_message()
    {
        _rig.Api.Answer = (_, _) => Task.FromResult(
            ApiReply.Failed(ApiStatus.NotFound, "The VM could not boot", ["Error from API", "The VM could not boot", "VM is not created"]));

        Assert.Equal((1, "Call failed: The VM could not boot\n"), await _rig.CallAsync("VmBoot"));
        Assert.Equal((1, "Error org.freedesktop.DBus.Error.Failed: The VM could not boot\n"), await DbusSendAsync("VmBoot"));
        (int code, string output) = await GdbusAsync("VmBoot");
        Assert.Equal(1, code);
        Assert.Contains("org.freedesktop.DBus.Error.Failed: The VM could not boot", output);
    }

    [Fact]
    public async Task A_command_that_throws_is_an_answer_too()
    {
        _rig.Api.Answer = (_, _) => throw new InvalidOperationException("that was a bug");
        Assert.Equal((1, "Error org.freedesktop.DBus.Error.Failed: that was a bug\n"), await DbusSendAsync("VmBoot"));
        _rig.Api.Answer = (_, _) => Task.FromCanceled<ApiReply>(new CancellationToken(canceled: true));
        (int code, string output) = await DbusSendAsync("VmBoot");
        Assert.Equal(1, code);
        Assert.StartsWith("Error org.freedesktop.DBus.Error.Failed: ", output);
    }

    [Fact]
    public async Task A_result_that_is_no_dbus_string_is_an_io_error()
    {
        _rig.Api.Answer = (_, _) => Task.FromResult(ApiReply.With(new byte[] { 0x7b, 0xff, 0x7d }));
        (int code, string output) = await DbusSendAsync("VmInfo");
        Assert.Equal(1, code);
        Assert.StartsWith("Error org.freedesktop.DBus.Error.IOError: The result cannot be sent", output);

        _rig.Api.Answer = (_, _) => Task.FromResult(ApiReply.With(new byte[] { 0x7b, 0, 0x7d }));
        Assert.StartsWith("Error org.freedesktop.DBus.Error.IOError: The result cannot be sent", (await DbusSendAsync("VmInfo")).Output);
    }

    [Theory]
    [InlineData(BusRig.ObjectPath, Interface + ".VmFly", "UnknownMethod: org.cloudhypervisor.DBusApi1 has no method VmFly")]
    [InlineData(BusRig.ObjectPath, Interface + ".VmNmi", "UnknownMethod")]
    [InlineData(BusRig.ObjectPath, "org.example.Other.VmBoot", "UnknownInterface: /org/plugvisor/Test1 has no interface org.example.Other")]
    [InlineData("/org/plugvisor/Test2", Interface + ".VmBoot", "UnknownObject: There is no object /org/plugvisor/Test2; the API is /org/plugvisor/Test1")]
    [InlineData("/org/plugvisor/Test1/a", Interface + ".VmBoot", "UnknownObject")]
    [InlineData("/org/plugvisor", Interface + ".VmBoot", "UnknownInterface")]
    [InlineData("/", "org.freedesktop.DBus.Introspectable.Fly", "UnknownMethod")]
    [InlineData(BusRig.ObjectPath, Interface + ".VmCreate", "InvalidArgs: VmCreate takes one string with a JSON document, not the types ''")]
    [InlineData(BusRig.ObjectPath, Interface + ".VmCreate", "InvalidArgs: VmCreate takes one string with a JSON document, not the types 'u'", "uint32:1")]
    [InlineData(BusRig.ObjectPath, Interface + ".VmBoot", "InvalidArgs: VmBoot takes no arguments, not the types 's'", "string:{}")]
    [InlineData(BusRig.ObjectPath, "org.freedesktop.DBus.Properties.Get", "UnknownProperty", "string:" + Interface, "string:A")]
    public async Task A_call_that_fits_nothing_says_what_is_wrong(string path, string method, string error, params string[] arguments)
    {
        (int code, string output) = await _rig.Bus.RunAsync("dbus-send", ["--print-reply", "--dest=" + BusRig.Name, path, method, .. arguments]);
        Assert.Equal(1, code);
        Assert.StartsWith("Error org.freedesktop.DBus.Error." + error, output);
        Assert.Empty(_rig.Api.Asked);
    }

    [Fact]
    public async Task An_interface_may_be_left_out()
    {
        // dbus-send, busctl and gdbus always name one.
        (int code, string output) = await _rig.Bus.RunAsync("/usr/bin/python3", "-c",
            $"""
            import dbus
            bus = dbus.SessionBus()
            print(repr(str(bus.get_object('{BusRig.Name}', '{BusRig.ObjectPath}', introspect=False).get_dbus_method('VmAddDisk', None)('x'))))
            """);
        Assert.Equal((0, "''\n"), (code, output));
    }

    [Fact]
    public async Task Introspection_shows_the_catalog_as_it_is_now()
    {
        string[] before = await MethodsAsync();
        Assert.Equal(["VmAddDisk:s:s", "VmBoot::", "VmCreate:s:", "VmInfo::s", "VmmPing::s", "VmmShutdown::"], before);

        _rig.Api.Change(FakeVmmApi.Ping, FakeVmmApi.AddFoo);

        Assert.Equal(["VmAddFoo:s:s", "VmmPing::s"], await MethodsAsync());
        Assert.Equal((0, "s \"\"\n"), await _rig.CallAsync("VmAddFoo", "{}"));
        Assert.Equal(1, (await _rig.CallAsync("VmBoot")).Code);
    }

    [Fact]
    public async Task Stock_tools_find_the_object_and_its_documentation()
    {
        (int code, string tree) = await _rig.Bus.RunAsync("busctl", "--user", "tree", "--list", BusRig.Name);
        Assert.Equal((0, "/\n/org\n/org/plugvisor\n/org/plugvisor/Test1\n"), (code, tree));

        (code, string members) = await _rig.Bus.RunAsync("busctl", "--user", "introspect", BusRig.Name, BusRig.ObjectPath);
        Assert.Equal(0, code);
        Assert.Matches(@"\.VmAddDisk +method +s +s ", members);
        Assert.Matches(@"\.Event +signal +s +- ", members);
        Assert.Matches(@"\.GetMachineId +method +- +s ", members);

        (code, string all) = await _rig.Bus.RunAsync("gdbus", "introspect", "--session", "--dest", BusRig.Name, "--object-path", "/", "--recurse");
        Assert.Equal(0, code);
        Assert.Contains("interface org.cloudhypervisor.DBusApi1", all);
        Assert.Contains("What <vm.boot> \"does\"", (await IntrospectAsync()).Replace("&lt;", "<").Replace("&gt;", ">").Replace("&quot;", "\""));
    }

    [Fact]
    public async Task Properties_are_there_and_none()
    {
        Assert.Equal((0, "a{sv} 0\n"), await _rig.Bus.RunAsync(
            "busctl", "--user", "call", BusRig.Name, BusRig.ObjectPath, "org.freedesktop.DBus.Properties", "GetAll", "s", Interface));
    }

    [Fact]
    public async Task A_slow_command_keeps_nobody_else_waiting()
    {
        var slow = new TaskCompletionSource<ApiReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _rig.Api.Answer = (operation, _) => operation == FakeVmmApi.Boot ? slow.Task : Task.FromResult(FakeVmmApi.Json("{}"));
        Task<(int Code, string Output)> boot = _rig.CallAsync("VmBoot");

        Assert.Equal((0, "s \"{}\"\n"), await _rig.CallAsync("VmmPing"));
        Assert.Equal(0, (await _rig.Bus.RunAsync("busctl", "--user", "call", BusRig.Name, "/", "org.freedesktop.DBus.Peer", "Ping")).Code);
        Assert.Contains("VmBoot", await IntrospectAsync());
        Assert.False(boot.IsCompleted);

        slow.SetResult(ApiReply.Done);
        Assert.Equal((0, ""), await boot);
    }

    [Fact]
    public async Task Calls_beyond_the_limit_are_refused_and_the_others_answered()
    {
        var slow = new TaskCompletionSource<ApiReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _rig.Api.Answer = (_, _) => slow.Task;
        using Process client = _rig.Bus.StartClient("/usr/bin/python3", "-u", "-c",
            $"""
            import dbus, dbus.lowlevel
            bus = dbus.SessionBus()
            def call():
                m = dbus.lowlevel.MethodCallMessage('{BusRig.Name}', '{BusRig.ObjectPath}', '{Interface}', 'VmBoot')
                return bus.send_message_with_reply(m, lambda r: None)
            pending = [call() for _ in range(300)]
            pending[-1].block()
            print('refused')
            for p in pending: p.block()
            print('done')
            """);
        Assert.Equal("refused", await client.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Equal(256, _rig.Api.Asked.Count);
        slow.SetResult(ApiReply.Done);
        Assert.Equal("done", await client.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        await client.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, (await _rig.CallAsync("VmBoot")).Code);
    }

    [Fact]
    public async Task A_document_beyond_the_limit_is_refused_and_one_at_it_taken()
    {
        const string Client =
            $"""
            import dbus, sys
            o = dbus.SessionBus().get_object('{BusRig.Name}', '{BusRig.ObjectPath}', introspect=False)
            o.get_dbus_method('VmCreate', '{Interface}')('x' * int(sys.argv[1]))
            """;
        Assert.Equal((0, ""), await _rig.Bus.RunAsync("/usr/bin/python3", "-c", Client, (4 << 20).ToString(CultureInfo.InvariantCulture)));
        (int code, string output) = await _rig.Bus.RunAsync("/usr/bin/python3", "-c", Client, ((4 << 20) + 1).ToString(CultureInfo.InvariantCulture));
        Assert.Equal(1, code);
        Assert.Contains("LimitsExceeded: The document has 4194305 bytes and may have 4194304", output);
        Assert.Single(_rig.Api.Asked);
    }

    [Fact]
    public async Task Documents_that_wait_have_a_limit_all_together()
    {
        var slow = new TaskCompletionSource<ApiReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _rig.Api.Answer = (_, _) => slow.Task;
        using Process client = _rig.Bus.StartClient("/usr/bin/python3", "-u", "-c",
            $"""
            import dbus, dbus.lowlevel
            bus = dbus.SessionBus()
            def call():
                m = dbus.lowlevel.MethodCallMessage('{BusRig.Name}', '{BusRig.ObjectPath}', '{Interface}', 'VmCreate')
                m.append('x' * (4 << 20))
                return bus.send_message_with_reply(m, lambda r: None)
            pending = [call() for _ in range(9)]
            pending[8].block()
            print('refused')
            for p in pending: p.block()
            print('done')
            """);
        Assert.Equal("refused", await client.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Equal(8, _rig.Api.Asked.Count);
        slow.SetResult(ApiReply.Done);
        Assert.Equal("done", await client.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, (await _rig.CallAsync("VmCreate", "{}")).Code);
    }

    [Fact]
    public async Task The_commands_of_one_client_keep_their_order()
    {
        string names = string.Join(',', Enumerable.Range(0, 200));
        (int code, string output) = await _rig.Bus.RunAsync("/usr/bin/python3", "-c",
            $"""
            import dbus, dbus.lowlevel
            bus = dbus.SessionBus()
            for i in range(200):
                m = dbus.lowlevel.MethodCallMessage('{BusRig.Name}', '{BusRig.ObjectPath}', '{Interface}', 'VmCreate')
                m.append(str(i)); m.set_no_reply(i < 199)
                last = bus.send_message(m) if i < 199 else bus.send_message_with_reply_and_block(m)
            """);
        Assert.Equal((0, ""), (code, output));
        Assert.Equal(names, string.Join(',', _rig.Api.Asked.Select(asked => asked.Body)));
    }

    private async Task<string> IntrospectAsync()
    {
        (int code, string output) = await _rig.Bus.RunAsync(
            "gdbus", "introspect", "--session", "--dest", BusRig.Name, "--object-path", BusRig.ObjectPath, "--xml");
        Assert.True(code == 0, output);
        return output;
    }

    /// <summary>NAME:IN:OUT of each method, sorted.</summary>
    private async Task<string[]> MethodsAsync()
    {
        string text = await IntrospectAsync();
        var xml = System.Xml.Linq.XDocument.Parse(text[text.IndexOf("<node", StringComparison.Ordinal)..]);
        System.Xml.Linq.XElement ours = xml.Descendants("interface").Single(element => (string?)element.Attribute("name") == Interface);
        Assert.Equal("Event", (string?)Assert.Single(ours.Elements("signal")).Attribute("name"));
        return [.. ours.Elements("method").Select(method => $"{(string?)method.Attribute("name")}:{Types(method, "in")}:{Types(method, "out")}").Order(StringComparer.Ordinal)];

        static string Types(System.Xml.Linq.XElement method, string direction) => string.Concat(
            method.Elements("arg").Where(arg => (string?)arg.Attribute("direction") == direction).Select(arg => (string?)arg.Attribute("type")));
    }

    private Task<(int Code, string Output)> DbusSendAsync(string method, params string[] arguments) => _rig.Bus.RunAsync(
        "dbus-send", ["--print-reply", "--dest=" + BusRig.Name, BusRig.ObjectPath, $"{Interface}.{method}", .. arguments]);

    private Task<(int Code, string Output)> GdbusAsync(string method, params string[] arguments) => _rig.Bus.RunAsync(
        "gdbus", ["call", "--session", "--dest", BusRig.Name, "--object-path", BusRig.ObjectPath, "--method", $"{Interface}.{method}", .. arguments]);

    /// <summary>dbus-send's output without its first line, which tells serial numbers.</summary>
    private static (int Code, string Output) Body((int Code, string Output) result) =>
        (result.Code, result.Output[(result.Output.IndexOf('\n') + 1)..]);
}
