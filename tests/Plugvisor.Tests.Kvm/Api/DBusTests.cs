using System.Diagnostics;
using System.Text.Json;
using System.Xml.Linq;
using Plugvisor.Tests.Kvm.Guests;
using Plugvisor.Tests.Unit.DBus;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The published program on a dbus-daemon of the test's own, asked by stock clients.</summary>
public sealed class DBusTests : IDisposable
{
    private const string Name = "org.plugvisor.Vm1", ObjectPath = "/org/plugvisor/Vm1", Interface = "org.cloudhypervisor.DBusApi1";
    private static readonly string[] Place = ["--dbus-service-name", Name, "--dbus-object-path", ObjectPath];

    private readonly PrivateBus _bus = new();

    public void Dispose() => _bus.Dispose();

    [Fact]
    public async Task A_vm_lives_its_whole_life_by_busctl()
    {
        using VmmProcess vmm = await StartAsync("--no-shutdown");
        Assert.Equal((1, "Call failed: The VM info is not available\n"), await CallAsync("VmInfo"));
        await DoAsync("VmCreate", Config("console", "secs=60"));
        Assert.Equal("Created", await StateAsync());
        await DoAsync("VmBoot");
        Assert.Equal("Running", await StateAsync());
        await DoAsync("VmPause");
        Assert.Equal("Paused", await StateAsync());
        await DoAsync("VmResume");
        await DoAsync("VmReboot");
        Assert.Equal("Running", await StateAsync());
        Assert.Equal(JsonValueKind.Object, (await DocumentAsync("VmCounters")).ValueKind);
        await DoAsync("VmPowerButton");
        await DoAsync("VmShutdown");
        Assert.Equal("Created", await StateAsync());
        await DoAsync("VmDelete");
        Assert.Equal((1, "Call failed: The VM info is not available\n"), await CallAsync("VmInfo"));

        await DoAsync("VmmShutdown");
        Assert.Equal(0, await vmm.WaitForExitAsync());
    }

    [Fact]
    public async Task Every_method_of_the_interface_is_there_with_its_types()
    {
        using VmmProcess vmm = await StartAsync();
        (int code, string text) = await _bus.RunAsync("gdbus", "introspect", "--session", "--dest", Name, "--object-path", ObjectPath, "--xml");
        Assert.Equal(0, code);
        XElement ours = XDocument.Parse(text[text.IndexOf("<node", StringComparison.Ordinal)..])
            .Descendants("interface").Single(element => (string?)element.Attribute("name") == Interface);
        Dictionary<string, string> methods = ours.Elements("method").ToDictionary(
            method => (string)method.Attribute("name")!,
            method => string.Join(' ', method.Elements("arg").Select(arg => $"{(string?)arg.Attribute("direction")}:{(string?)arg.Attribute("type")}")));

        foreach (string method in new[] { "VmmPing", "VmInfo", "VmCounters" }) Assert.Equal("out:s", methods[method]);
        foreach (string method in new[] { "VmmShutdown", "VmBoot", "VmDelete", "VmPause", "VmPowerButton", "VmReboot", "VmResume", "VmShutdown" })
            Assert.Equal("", methods[method]);
        foreach (string method in new[]
        {
            "VmCreate", "VmRemoveDevice", "VmResize", "VmResizeZone", "VmRestore", "VmSnapshot", "VmCoredump", "VmReceiveMigration", "VmSendMigration",
        })
        {
            Assert.Equal("in:s", methods[method]);
        }

        foreach (string kind in new[] { "Device", "Disk", "Fs", "GenericVhostUser", "Net", "Pmem", "UserDevice", "Vdpa", "Vsock" })
            Assert.Equal("in:s out:s", methods["VmAdd" + kind]);
        Assert.DoesNotContain("VmNmi", methods.Keys);
        Assert.DoesNotContain("VmResizeDisk", methods.Keys);
    }

    [Fact]
    public async Task The_balloon_is_resized()
    {
        using VmmProcess vmm = await StartAsync(
            "--kernel", GuestImages.Of("balloon"), "--cmdline", "changes=2", "--memory", "size=256M", "--serial", "tty", "--console", "off", "--balloon", "size=0");
        await DoAsync("VmResize", """{"desired_balloon":8388608}""");
        await vmm.WaitForAsync("balloon holds 2048 wrong 0");
        JsonElement info = await DocumentAsync("VmInfo");
        Assert.Equal(248L << 20, info.GetProperty("memory_actual_size").GetInt64());
        Assert.Equal(8 << 20, info.GetProperty("config").GetProperty("balloon").GetProperty("size").GetInt32());
        Assert.Equal((1, "Call failed: The VM could not be resized\n"), await CallAsync("VmResize", """{"desired_balloon":268435457}"""));
        await DoAsync("VmResize", """{"desired_balloon":0}""");
        Assert.Contains("balloon changes 2 wrong 0 lost 0 ok", await vmm.FinishAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_is_loaded_has_its_method_at_once_and_loses_it_with_the_plugin()
    {
        string tiny = Path.Combine(Repository.Root, "artifacts", "test-plugins", "tiny");
        using VmmProcess vmm = await StartAsync();
        Assert.Equal(1, (await CallAsync("VmAddTiny", "{}")).Code);
        Assert.DoesNotContain("VmAddTiny", await IntrospectAsync(), StringComparison.Ordinal);

        (int code, string loaded) = await CallAsync("VmmLoadPlugin", $"{{\"path\":\"{tiny}\"}}");
        Assert.True(code == 0 && loaded.Contains("ready", StringComparison.Ordinal), loaded);
        Assert.Contains("VmAddTiny", await IntrospectAsync(), StringComparison.Ordinal);
        Assert.Contains("\\\"tiny\\\"", (await CallAsync("VmmPlugins")).Output, StringComparison.Ordinal);
        await DoAsync("VmCreate", Config("console", "secs=60"));
        Assert.Equal((0, "s \"\"\n"), await CallAsync("VmAddTiny", """{"id":"t"}"""));
        Assert.Equal((1, "Call failed: The plugin could not be unloaded: plugin tiny is in use by t: remove it first\n"), await CallAsync("VmmUnloadPlugin", """{"id":"tiny"}"""));

        await DoAsync("VmRemoveDevice", """{"id":"t"}""");
        (code, string reloaded) = await CallAsync("VmmReloadPlugin", """{"id":"tiny"}""");
        Assert.True(code == 0, reloaded);
        (code, string unloaded) = await CallAsync("VmmUnloadPlugin", """{"id":"tiny"}""");
        Assert.True(code == 0 && unloaded.Contains("unloaded", StringComparison.Ordinal), unloaded);
        Assert.DoesNotContain("VmAddTiny", await IntrospectAsync(), StringComparison.Ordinal);
        Assert.Equal(1, (await CallAsync("VmAddTiny", "{}")).Code);
    }

    [Fact]
    public async Task Every_method_answers_a_document_that_is_none_with_an_error()
    {
        using VmmProcess vmm = await StartAsync();
        (_, string list) = await _bus.RunAsync("busctl", "--user", "introspect", Name, ObjectPath, Interface);
        string[] takers = [.. list.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words is [_, "method", "s", ..]).Select(words => words[0][1..])];
        Assert.InRange(takers.Length, 18, 100);
        foreach (string method in takers)
        {
            foreach (string document in new[] { "", "{", "[]", "null", "{\"a\":" + new string('[', 1000) })
            {
                (int code, string output) = await CallAsync(method, document);
                Assert.True(code == 1 && output.StartsWith("Call failed: ", StringComparison.Ordinal) && output.Length > 20, $"{method} {document}: {output}");
            }
        }

        Assert.Equal(JsonValueKind.Object, (await DocumentAsync("VmmPing")).ValueKind);
    }

    [Fact]
    public async Task A_disk_is_added_before_the_boot_without_a_result()
    {
        string image = Path.Combine(Path.GetTempPath(), $"plugvisor-dbus-{Environment.ProcessId}.img");
        await File.WriteAllBytesAsync(image, new byte[1 << 20], TestContext.Current.CancellationToken);
        try
        {
            using VmmProcess vmm = await StartAsync();
            await DoAsync("VmCreate", Config("console", "secs=60"));
            Assert.Equal((0, "s \"\"\n"), await CallAsync("VmAddDisk", $"{{\"path\":\"{image}\",\"id\":\"extra\"}}"));
            JsonElement info = await DocumentAsync("VmInfo");
            Assert.Equal("extra", info.GetProperty("config").GetProperty("disks")[0].GetProperty("id").GetString());
            (int code, string output) = await CallAsync("VmAddVdpa", "{}");
            Assert.Equal((1, "Call failed: The vDPA device could not be added to the VM\n"), (code, output));
        }
        finally
        {
            File.Delete(image);
        }
    }

    [Fact]
    public async Task Signals_tell_from_the_start_to_the_end()
    {
        using Process monitor = _bus.StartClient("dbus-monitor", "--session", $"type='signal',interface='{Interface}'");
        while (await monitor.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains("NameLost", StringComparison.Ordinal)) break;
        }

        using VmmProcess vmm = await StartAsync("--kernel", GuestImages.Of("console"), "--cmdline", "secs=60", "--memory", "size=256M", "--console", "null");
        await vmm.WaitForAsync("entering the guest");
        await DoAsync("VmPause");
        await DoAsync("VmResume");
        await DoAsync("VmmShutdown");
        Assert.Equal(0, await vmm.WaitForExitAsync());

        var events = new List<string>();
        string source = "";
        while (events.Count < 50 && !(events.Count > 0 && events[^1] == "vmm shutdown")
            && await monitor.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            string text = line.Trim();
            if (text.StartsWith("\"source\": \"", StringComparison.Ordinal)) source = text[11..^2];
            if (text.StartsWith("\"event\": \"", StringComparison.Ordinal)) events.Add($"{source} {text[10..^2]}");
        }

        monitor.Kill(entireProcessTree: true);
        string[] expected = ["vmm starting", "vm booting", "vm booted", "vm pausing", "vm paused", "vm resuming", "vm resumed", "vm shutdown", "vmm shutdown"];
        Assert.Equal(expected, events.Where(expected.Contains));
    }

    [Fact]
    public async Task A_name_that_is_taken_is_told_and_the_vm_runs()
    {
        using VmmProcess first = await StartAsync();
        using VmmProcess second = Talker(Session(_bus.Address));
        await second.WaitForAsync($"D-Bus: the name {Name} is owned by another program on the bus");
        await QuitAsync(second);

        Assert.Equal(first.Id, (await DocumentAsync("VmmPing")).GetProperty("pid").GetInt32());
    }

    [Fact]
    public async Task A_bus_that_dies_is_told_and_the_vm_runs_on()
    {
        using VmmProcess vmm = Talker(Session(_bus.Address));
        await vmm.WaitForAsync("D-Bus API: ");

        _bus.Kill();
        await vmm.WaitForAsync("D-Bus: the bus has closed the connection. The VM goes on");

        await QuitAsync(vmm);
    }

    [Theory]
    [InlineData("DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere/bus", "D-Bus: no connection to the bus at unix:path=/nowhere/bus: ")]
    [InlineData("DBUS_SESSION_BUS_ADDRESS=", "D-Bus: there is no session bus here: ", "XDG_RUNTIME_DIR=")]
    public async Task A_bus_that_is_not_there_is_told_and_the_vm_runs(string variable, string message, params string[] more)
    {
        using VmmProcess vmm = Talker(["env", variable, .. more]);
        await vmm.WaitForAsync(message);
        await QuitAsync(vmm);
    }

    [Fact]
    public async Task A_host_without_libsystemd_is_told_what_to_install_and_the_vm_runs()
    {
        string directory = Directory.CreateTempSubdirectory("plugvisor-nolib").FullName;
        try
        {
            // The loader takes the first file of the name, which is no library.
            await File.WriteAllTextAsync(Path.Combine(directory, "libsystemd.so.0"), "none", TestContext.Current.CancellationToken);
            using VmmProcess vmm = Talker([.. Session(_bus.Address), $"LD_LIBRARY_PATH={directory}"]);
            await vmm.WaitForAsync("D-Bus: libsystemd.so.0 cannot be loaded; install it (Debian and Ubuntu: apt-get install libsystemd0)");
            await QuitAsync(vmm);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task The_system_bus_is_another_one()
    {
        using var system = new PrivateBus();
        using VmmProcess vmm = VmmProcess.StartBy(
            ["env", $"DBUS_SESSION_BUS_ADDRESS={_bus.Address}", $"DBUS_SYSTEM_BUS_ADDRESS={system.Address}"], ["-v", .. Place, "--dbus-system-bus"]);
        await vmm.WaitForAsync("on the system bus");
        Assert.Equal(0, (await system.RunAsync("busctl", "--user", "call", Name, ObjectPath, Interface, "VmmPing")).Code);
        Assert.Equal(1, (await CallAsync("VmmPing")).Code);
    }

    [Theory]
    [InlineData("--dbus-service-name needs --dbus-object-path too", "--dbus-service-name", Name)]
    [InlineData("--dbus-object-path needs --dbus-service-name too", "--dbus-object-path", ObjectPath)]
    [InlineData("D-Bus service name 'vm': it takes two or more parts", "--dbus-service-name", "vm", "--dbus-object-path", ObjectPath)]
    [InlineData("D-Bus object path 'vm': it starts with /", "--dbus-service-name", Name, "--dbus-object-path", "vm")]
    public async Task Options_that_do_not_fit_end_the_start_with_1(string message, params string[] options)
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", options);
        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains(message, vmm.Log);
        Assert.Equal("", vmm.Serial);
    }

    [Fact]
    public async Task A_signal_to_the_process_ends_it_though_the_bus_does_not_read()
    {
        using VmmProcess vmm = await StartAsync();
        _bus.Signal("STOP");
        vmm.Signal("TERM");
        Assert.Equal(0, await vmm.WaitForExitAsync(TimeSpan.FromSeconds(10)));
        _bus.Signal("CONT");
    }

    private static string[] Session(string address) => ["env", $"DBUS_SESSION_BUS_ADDRESS={address}"];

    private static string Config(string guest, string cmdline) =>
        $"{{\"payload\":{{\"kernel\":\"{GuestImages.Of(guest)}\",\"cmdline\":\"{cmdline}\"}},\"memory\":{{\"size\":268435456}},"
        + "\"console\":{\"mode\":\"Null\"},\"serial\":{\"mode\":\"Null\"}}";

    /// <summary>A guest that echoes what is typed.</summary>
    private static VmmProcess Talker(string[] command) => VmmProcess.StartBy(
        command, ["-v", .. Place, "--kernel", GuestImages.Of("console"), "--memory", "size=256M", "--serial", "null", "--console", "tty"]);

    /// <summary>The guest hears us, answers and ends.</summary>
    private static async Task QuitAsync(VmmProcess vmm)
    {
        await vmm.WaitForAsync("console ready");
        await vmm.TypeAsync("still there\n");
        await vmm.WaitForAsync("still there");
        await vmm.TypeAsync("quit\n");
        await vmm.FinishAsync(TimeSpan.FromSeconds(10));
    }

    /// <summary>A VMM that is on the bus.</summary>
    private async Task<VmmProcess> StartAsync(params string[] options)
    {
        VmmProcess vmm = VmmProcess.StartBy(Session(_bus.Address), ["-v", .. Place, .. options]);
        await vmm.WaitForAsync("D-Bus API: ");
        return vmm;
    }

    private async Task<string> IntrospectAsync() => (await _bus.RunAsync("busctl", "--user", "introspect", Name, ObjectPath, Interface)).Output;

    private Task<(int Code, string Output)> CallAsync(string method, string? document = null) => _bus.RunAsync(
        "busctl", ["--user", "call", Name, ObjectPath, Interface, method, .. document is null ? Array.Empty<string>() : ["s", document]]);

    private async Task DoAsync(string method, string? document = null) => Assert.Equal((0, ""), await CallAsync(method, document));

    private async Task<JsonElement> DocumentAsync(string method)
    {
        (int code, string output) = await _bus.RunAsync("gdbus", "call", "--session", "--dest", Name, "--object-path", ObjectPath, "--method", $"{Interface}.{method}");
        Assert.True(code == 0, output);
        // ('JSON',): GLib's text form, which escapes nothing that these documents have.
        return JsonElement.Parse(output.Trim()[2..^3]);
    }

    private async Task<string?> StateAsync() => (await DocumentAsync("VmInfo")).GetProperty("state").GetString();
}
