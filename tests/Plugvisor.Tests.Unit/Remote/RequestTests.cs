using System.Text;
using Plugvisor.Linux.Files;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Tests.Unit.Linux;
using Xunit;

namespace Plugvisor.Tests.Unit.Remote;

/// <summary>What plugvisor-remote sends, byte by byte, for each of its commands (interface reference sections 1, 2.5 and 4.4).</summary>
public sealed class RequestTests : IDisposable
{
    private const string NoContent = "HTTP/1.1 204 \r\nServer: Cloud Hypervisor API\r\nConnection: keep-alive\r\n\r\n";

    private readonly FakeApiServer _server = new(NoContent);

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task A_request_has_exactly_these_headers()
    {
        await RunAsync("ping");
        FakeRequest request = _server.Next();
        Assert.Equal("GET /api/v1/vmm.ping HTTP/1.1\r\nHost: localhost\r\nAccept: */*", request.Head);
        await RunAsync("remove-device", "_disk0");
        request = _server.Next();
        Assert.Equal("PUT /api/v1/vm.remove-device HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Length: 15", request.Head);
        Assert.Equal("""{"id":"_disk0"}""", request.Body);
    }

    [Theory]
    [InlineData("ping", "GET /api/v1/vmm.ping")]
    [InlineData("info", "GET /api/v1/vm.info")]
    [InlineData("counters", "GET /api/v1/vm.counters")]
    [InlineData("plugins", "GET /api/v1/vmm.plugins")]
    [InlineData("boot", "PUT /api/v1/vm.boot")]
    [InlineData("delete", "PUT /api/v1/vm.delete")]
    [InlineData("pause", "PUT /api/v1/vm.pause")]
    [InlineData("resume", "PUT /api/v1/vm.resume")]
    [InlineData("reboot", "PUT /api/v1/vm.reboot")]
    [InlineData("shutdown", "PUT /api/v1/vm.shutdown")]
    [InlineData("power-button", "PUT /api/v1/vm.power-button")]
    [InlineData("nmi", "PUT /api/v1/vm.nmi")]
    [InlineData("shutdown-vmm", "PUT /api/v1/vmm.shutdown")]
    public async Task A_command_without_an_argument_sends_no_document(string command, string line)
    {
        await RunAsync(command);
        FakeRequest request = _server.Next();
        Assert.Equal((line, ""), (request.Line, request.Body));
        Assert.DoesNotContain("Content-Length", request.Head, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("remove-device _disk0", "vm.remove-device", """{"id":"_disk0"}""")]
    [InlineData("load-plugin /opt/tiny", "vmm.load-plugin", """{"path":"/opt/tiny"}""")]
    [InlineData("unload-plugin tiny", "vmm.unload-plugin", """{"id":"tiny"}""")]
    [InlineData("reload-plugin tiny", "vmm.reload-plugin", """{"id":"tiny"}""")]
    [InlineData("resize", "vm.resize", "{}")]
    [InlineData("resize --cpus 4", "vm.resize", """{"desired_vcpus":4}""")]
    [InlineData("resize --memory 2G --balloon 512M --cpus 2", "vm.resize", """{"desired_vcpus":2,"desired_ram":2147483648,"desired_balloon":536870912}""")]
    [InlineData("resize-disk --disk d0 --size 1073741824", "vm.resize-disk", """{"id":"d0","desired_size":1073741824}""")]
    [InlineData("resize-zone --id mem0 --size 1G", "vm.resize-zone", """{"id":"mem0","desired_ram":1073741824}""")]
    [InlineData("snapshot file:///tmp/s", "vm.snapshot", """{"destination_url":"file:///tmp/s"}""")]
    [InlineData("coredump file:///tmp/c", "vm.coredump", """{"destination_url":"file:///tmp/c"}""")]
    [InlineData("restore source_url=file:///tmp/s", "vm.restore", """{"source_url":"file:///tmp/s"}""")]
    [InlineData("restore source_url=file:///tmp/s,prefault=on,resume=true,memory_restore_mode=ondemand,zone_updates=[z@1]", "vm.restore",
        """{"source_url":"file:///tmp/s","prefault":true,"memory_restore_mode":"OnDemand","resume":true,"zone_updates":[{"id":"z","host_numa_node":1}]}""")]
    [InlineData("receive-migration unix:/tmp/m", "vm.receive-migration", """{"receiver_url":"unix:/tmp/m"}""")]
    [InlineData("receive-migration receiver_url=tcp:0.0.0.0:44,memory_mode=postcopy,tls_dir=/k", "vm.receive-migration",
        """{"receiver_url":"tcp:0.0.0.0:44","tls_dir":"/k","memory_mode":"Postcopy"}""")]
    [InlineData("send-migration --local unix:/tmp/m=1", "vm.send-migration", """{"destination_url":"unix:/tmp/m=1","local":true}""")]
    [InlineData("send-migration destination_url=tcp:h:1,downtime_ms=5,timeout_s=9,timeout_strategy=ignore,connections=4,preserve_source=off", "vm.send-migration",
        """{"destination_url":"tcp:h:1","preserve_source":false,"downtime_ms":5,"timeout_s":9,"timeout_strategy":"Ignore","connections":4}""")]
    [InlineData("""add-pmem {"file":"/a"}""", "vm.add-pmem", """{"file":"/a"}""")]
    [InlineData("""add-gizmo {"answer":42}""", "vm.add-gizmo", """{"answer":42}""")]
    public async Task A_command_with_an_argument_sends_its_document(string line, string operation, string document)
    {
        await RunAsync(line.Split(' '));
        FakeRequest request = _server.Next();
        Assert.Equal(("PUT /api/v1/" + operation, document), (request.Line, request.Body));
    }

    [Fact]
    public async Task Create_sends_a_file_or_standard_input_as_it_is()
    {
        const string Config = "{ \"payload\": {\"kernel\": \"/k\"},\n  \"cpus\": {\"boot_vcpus\": 1, \"max_vcpus\": 1} }\n";
        using var file = new TemporaryFile(System.Text.Encoding.UTF8.GetBytes(Config));
        await RunAsync("create", file.Path);
        FakeRequest request = _server.Next();
        Assert.Equal(("PUT /api/v1/vm.create", Config), (request.Line, request.Body));
        foreach (string[] arguments in (string[][])[["create"], ["create", "-"]])
        {
            (await RemoteProcess.RunWithInputAsync(Config, ["--api-socket", _server.Path, .. arguments])).Succeeded();
            Assert.Equal(Config, _server.Next().Body);
        }
    }

    [Fact]
    public async Task Device_options_become_json_by_the_declaration_of_their_plugin()
    {
        await RunAsync("--plugin-dir", ShippedPlugins(), "add-disk", "path=/a,readonly=on,id=d,bw_size=1,bw_refill_time=2,queue_affinity=[0@[1,2]]");
        FakeRequest request = _server.Next();
        Assert.Equal("PUT /api/v1/vm.add-disk", request.Line);
        using var document = System.Text.Json.JsonDocument.Parse(request.Body);
        System.Text.Json.JsonElement disk = document.RootElement;
        Assert.Equal(("d", "/a", true), (disk.GetProperty("id").GetString(), disk.GetProperty("path").GetString(), disk.GetProperty("readonly").GetBoolean()));
        Assert.Equal(2, disk.GetProperty("rate_limiter_config").GetProperty("bandwidth").GetProperty("refill_time").GetInt32());
        Assert.Equal("""[{"queue_index":0,"host_cpus":[1,2]}]""", disk.GetProperty("queue_affinity").GetRawText());
    }

    [Theory]
    [InlineData("help add-disk")]
    [InlineData("add-disk --help")]
    [InlineData("--help")]
    public async Task Help_knows_what_the_servers_plugins_declare(string line)
    {
        using FakeApiServer server = ServerWithDisks();
        string none = Directory.CreateTempSubdirectory("plugvisor-none").FullName;
        string help = (await RemoteProcess.RunAsync(["--api-socket", server.Path, "--plugin-dir", none, .. line.Split(' ')])).Succeeded();
        Assert.Equal("GET /api/v1/vmm.plugins", server.Next().Line);
        if (line == "--help") Assert.Matches(@"\n  add-disk <disk-config> +Add a disk\n", help);
        else Assert.Matches(@"Usage:\n  plugvisor-remote --api-socket <path> add-disk <disk-config>\n(.*\n)*      path=<path> ", help);

        // Nobody answers, or nobody is asked: what is known here.
        string alone = (await RemoteProcess.RunAsync(["--api-socket", "/nowhere/api.sock", "--plugin-dir", none, .. line.Split(' ')])).Succeeded();
        Assert.DoesNotContain("path=<path>", alone, StringComparison.Ordinal);
        Assert.Equal(alone, (await RemoteProcess.RunAsync(["--plugin-dir", none, .. line.Split(' ')])).Succeeded());
        Directory.Delete(none);
    }

    [Fact]
    public async Task Help_on_a_kind_that_nobody_declares_says_where_it_would_come_from()
    {
        string help = (await RemoteProcess.RunAsync("help", "add-gizmo")).Succeeded();
        Assert.Contains("add-gizmo <gizmo-config>\n", help, StringComparison.Ordinal);
        Assert.Contains("no plugin here declares kind gizmo", help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kind_that_neither_this_side_nor_the_server_has_says_both()
    {
        using FakeApiServer server = ServerWithDisks();
        string none = Directory.CreateTempSubdirectory("plugvisor-none").FullName;
        RemoteProcess result = await RemoteProcess.RunAsync("--api-socket", server.Path, "--plugin-dir", none, "add-gizmo", "size=3");
        Directory.Delete(none);
        Assert.Equal(
            $"Error: ch-remote exited with the following chain of errors:\n  0: Error parsing gizmo syntax\n  1: No plugin of this server has devices of kind gizmo; load-plugin gives it one\n"
            + $"  2: No plugin for devices of kind gizmo in {none}; --plugin-dir names another directory\n", result.Errors);
    }

    [Fact]
    public async Task What_no_plugin_here_declares_the_servers_may()
    {
        using FakeApiServer server = ServerWithDisks();
        string none = Directory.CreateTempSubdirectory("plugvisor-none").FullName;
        (await RemoteProcess.RunAsync("--api-socket", server.Path, "--plugin-dir", none, "add-disk", "path=/a,readonly=on")).Succeeded();
        Directory.Delete(none);
        Assert.Equal("GET /api/v1/vmm.plugins", server.Next().Line);
        FakeRequest request = server.Next();
        Assert.Equal("PUT /api/v1/vm.add-disk", request.Line);
        Assert.Contains("\"path\":\"/a\",\"readonly\":true", request.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Descriptors_go_with_the_first_bytes_in_their_order()
    {
        string[] names = ["one", "two", "three", "four"];
        using var files = new FileSet(names);
        (await RemoteProcess.RunWithDescriptorsAsync(
            $"5<{files["one"]} 6<{files["two"]} 7<{files["three"]} 8<{files["four"]}", "--api-socket", _server.Path,
            "restore", "source_url=file:///s,net_fds=[n1@[6,5]],vfio_fds=[v@7],iommufd_fd=8")).Succeeded();
        FakeRequest request = _server.Next();
        Assert.Equal("""{"source_url":"file:///s","net_fds":[{"id":"n1","num_fds":2}],"vfio_fds":[{"id":"v"}]}""", request.Body);
        Assert.Equal(["two", "one", "three", "four"], request.Descriptors.Select(descriptor => Path.GetFileName(Target(descriptor))));
        foreach (FileDescriptor descriptor in request.Descriptors) descriptor.Dispose();
    }

    [Fact]
    public async Task A_descriptor_that_is_not_open_is_an_error_and_not_a_request()
    {
        RemoteProcess result = await RemoteProcess.RunAsync("--api-socket", _server.Path, "restore", "source_url=file:///s,net_fds=[n1@[77]]");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Bad file descriptor", result.Errors, StringComparison.Ordinal);
    }

    /// <summary>A VMM whose one plugin has disks.</summary>
    private static FakeApiServer ServerWithDisks()
    {
        byte[] manifest = ManifestReader.Read(Path.Combine(AppContext.BaseDirectory, "Plugvisor.Plugins.VirtioBlk.dll"))!;
        string list = $$"""[{"name":"x","folder":"/x","status":"refused"},{"name":"b","folder":"/b","status":"ready","kind":"disk","manifest":{{Encoding.UTF8.GetString(manifest)}}}]""";
        return new FakeApiServer(request => request.Line.EndsWith("vmm.plugins", StringComparison.Ordinal)
            ? $"HTTP/1.1 200 \r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(list)}\r\n\r\n{list}" : NoContent);
    }

    private static string Target(FileDescriptor descriptor) => File.ResolveLinkTarget($"/proc/self/fd/{descriptor.Value}", false)!.FullName;

    /// <summary>A plugin directory of what stands beside the tests.</summary>
    private static string ShippedPlugins()
    {
        string directory = Directory.CreateTempSubdirectory("plugvisor-plugins").FullName;
        string folder = Directory.CreateDirectory(Path.Combine(directory, "virtio-blk")).FullName;
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Plugvisor.Plugins.VirtioBlk.dll"), Path.Combine(folder, "Plugvisor.Plugins.VirtioBlk.dll"));
        return directory;
    }

    private async Task RunAsync(params string[] arguments) => (await RemoteProcess.RunAsync(["--api-socket", _server.Path, .. arguments])).Succeeded();

    /// <summary>Files to tell descriptors apart by.</summary>
    private sealed class FileSet : IDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-fds").FullName;

        public FileSet(string[] names)
        {
            foreach (string name in names) File.WriteAllText(this[name], name);
        }

        public string this[string name] => Path.Combine(_directory, name);

        public void Dispose() => Directory.Delete(_directory, recursive: true);
    }
}
