using System.Text;
using Plugvisor.Api;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;
using Plugvisor.Rest;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>Interface reference section 1.5: file descriptors beside a request (SCM_RIGHTS).</summary>
[Collection(nameof(WholeProcess))]
public sealed class DescriptorTests : IDisposable
{
    private const string AddNet = "PUT /api/v1/vm.add-net HTTP/1.1\r\nContent-Length: 2\r\n\r\n";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly List<FileStream> _files = [];
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-fds").FullName;

    public void Dispose()
    {
        foreach (FileStream file in _files) file.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task They_reach_the_operation_in_their_order()
    {
        await using RestRig rig = await RestRig.StartAsync();
        var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = (_, descriptors) =>
        {
            seen.SetResult(string.Join(' ', descriptors.Select(ReadName)));
            return Task.FromResult(ApiReply.Done);
        };
        using UnixStream client = UnixStream.Connect(rig.Socket);

        // As the stock client does: with the first bytes, the body later.
        Send(client, AddNet, Open("one"), Open("two"), Open("three"));
        Send(client, "{}");

        Assert.Equal("one two three", await seen.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken));
        Assert.StartsWith("HTTP/1.1 204 ", await ReceiveAsync(client), StringComparison.Ordinal);
    }

    [Fact]
    public async Task They_belong_to_the_request_that_they_came_with()
    {
        await using RestRig rig = await RestRig.StartAsync();
        List<string> seen = [];
        rig.Api.Answer = (operation, descriptors) =>
        {
            seen.Add($"{operation.Name} {string.Join(',', descriptors.Select(ReadName))}");
            return Task.FromResult(ApiReply.Done);
        };
        using UnixStream client = UnixStream.Connect(rig.Socket);

        Send(client, RestRig.Request("PUT", "/api/v1/vm.boot"));
        Send(client, AddNet + "{}", Open("a"));
        Send(client, AddNet + "{}");
        Send(client, AddNet, Open("b"));
        Send(client, "{}", Open("c"));
        Send(client, RestRig.Request("PUT", "/api/v1/vm.boot"));

        string answers = "";
        while (answers.Split("HTTP/1.1 204").Length < 6) answers += await ReceiveAsync(client);
        Assert.Equal(["vm.boot ", "vm.add-net a", "vm.add-net ", "vm.add-net b,c", "vm.boot "], seen);
    }

    [Fact]
    public async Task As_many_as_the_kernel_passes_arrive_and_none_is_inherited_by_programs_that_we_start()
    {
        await using RestRig rig = await RestRig.StartAsync();
        var seen = new TaskCompletionSource<(int Count, bool AllCloseOnExec)>(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = (_, descriptors) =>
        {
            seen.SetResult((descriptors.Count, descriptors.All(IsCloseOnExec)));
            return Task.FromResult(ApiReply.Done);
        };
        using UnixStream client = UnixStream.Connect(rig.Socket);

        int[] many = new int[UnixStream.MaxDescriptors];
        Array.Fill(many, Open("many"));
        Send(client, AddNet + "{}", many);

        Assert.Equal((253, true), await seen.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task More_than_an_operation_takes_is_400()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using UnixStream client = UnixStream.Connect(rig.Socket);

        Send(client, RestRig.Request("PUT", "/api/v1/vm.add-device", "{}"), Open("one"), Open("two"));

        string answer = await ReceiveAsync(client);
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.EndsWith("""["Bad Request"]""", answer, StringComparison.Ordinal);
        Assert.Empty(rig.Api.Asked);
    }

    [Fact]
    public async Task A_request_with_more_than_the_kernel_passes_at_once_is_400_and_none_stays_open()
    {
        await using RestRig rig = await RestRig.StartAsync();
        (string path, int descriptor) = OpenUnique();
        using UnixStream client = UnixStream.Connect(rig.Socket);
        int[] many = new int[UnixStream.MaxDescriptors];
        Array.Fill(many, descriptor);

        Send(client, "PUT /api/v1/vm.add-net ", many);
        Send(client, "HTTP/1.1\r\n", many);
        Send(client, "Content-Length: 2\r\n\r\n", many);
        Send(client, "{}");

        Assert.StartsWith("HTTP/1.1 400 ", await ReceiveAsync(client), StringComparison.Ordinal);
        await OnlyOursIsOpenAsync(path);
    }

    [Fact]
    public async Task What_waits_for_requests_that_do_not_end_is_bounded_over_all_clients()
    {
        await using RestRig rig = await RestRig.StartAsync(new RestLimits { MaxWaitingDescriptors = 100 });
        (string path, int descriptor) = OpenUnique();
        int[] some = new int[30];
        Array.Fill(some, descriptor);
        var clients = new List<UnixStream>();
        for (int i = 0; i < 20; i++)
        {
            clients.Add(UnixStream.Connect(rig.Socket));
            Send(clients[i], "PUT /api/v1/vm", some);
        }

        // An answer behind them says that they have been read.
        for (int i = 0; i < 20; i++) Send(clients[i], ".boot HTTP/1.1\r\n\r\n");
        int seen = CountOpen(path);
        foreach (UnixStream client in clients) Assert.StartsWith("HTTP/1.1 204 ", await ReceiveAsync(client), StringComparison.Ordinal);
        Assert.InRange(seen, 1, 101);
        await OnlyOursIsOpenAsync(path);
        clients.ForEach(client => client.Dispose());
    }

    [Theory]
    [InlineData("PUT", "vm.add-disk", "{}", 204)]
    [InlineData("PUT", "vm.add-net", "{}", 204)]
    [InlineData("PUT", "vm.add-net", null, 400)]
    [InlineData("PUT", "vm.boot", null, 204)]
    [InlineData("GET", "vmm.ping", null, 200)]
    [InlineData("GET", "openapi.json", null, 200)]
    [InlineData("PUT", "nowhere", null, 404)]
    [InlineData("POST", "vm.boot", null, 400)]
    [InlineData("DELETE", "vm.boot", null, 400)]
    public async Task Those_that_nobody_takes_are_closed(string method, string name, string? body, int status)
    {
        await using RestRig rig = await RestRig.StartAsync();
        (string path, int descriptor) = OpenUnique();
        using UnixStream client = UnixStream.Connect(rig.Socket);

        Send(client, RestRig.Request(method, "/api/v1/" + name, body), descriptor, descriptor, descriptor);

        Assert.StartsWith($"HTTP/1.1 {status} ", await ReceiveAsync(client), StringComparison.Ordinal);
        await OnlyOursIsOpenAsync(path);
    }

    [Fact]
    public async Task Those_of_a_request_that_never_ends_are_closed_with_the_connection()
    {
        await using RestRig rig = await RestRig.StartAsync();
        (string path, int descriptor) = OpenUnique();

        using (UnixStream client = UnixStream.Connect(rig.Socket)) Send(client, "PUT /api/v1/vm.add", descriptor);
        using (UnixStream client = UnixStream.Connect(rig.Socket)) Send(client, AddNet, descriptor, descriptor);

        await OnlyOursIsOpenAsync(path);
    }

    private static void Send(UnixStream client, string text, params int[] descriptors) =>
        Assert.Equal(text.Length, client.TrySend(Encoding.ASCII.GetBytes(text), descriptors));

    private static Task<string> ReceiveAsync(UnixStream client) => Task.Run(() => Receive(client)).WaitAsync(Deadline);

    private static string Receive(UnixStream client)
    {
        byte[] buffer = new byte[4096];
        int count = client.Receive(buffer);
        Assert.True(count > 0, $"the connection ended ({count})");
        return Encoding.UTF8.GetString(buffer, 0, count);
    }

    private static string ReadName(FileDescriptor descriptor) => Path.GetFileName(new FileInfo($"/proc/self/fd/{descriptor.Value}").LinkTarget!);

    private static bool IsCloseOnExec(FileDescriptor descriptor)
    {
        string flags = File.ReadLines($"/proc/self/fdinfo/{descriptor.Value}").First(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return (Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & 0x80000) != 0;
    }

    private static async Task OnlyOursIsOpenAsync(string path)
    {
        // The server closes after it has answered.
        for (DateTime end = DateTime.UtcNow.AddSeconds(20); DateTime.UtcNow < end; await Task.Delay(10, TestContext.Current.CancellationToken))
        {
            if (CountOpen(path) == 1) return;
        }

        Assert.Equal(1, CountOpen(path));
    }

    private static int CountOpen(string path) =>
        Directory.GetFileSystemEntries("/proc/self/fd").Count(entry => new FileInfo(entry).LinkTarget == path);

    private int Open(string name)
    {
        FileStream file = File.Open(Path.Combine(_directory, name), FileMode.OpenOrCreate);
        _files.Add(file);
        return (int)file.SafeFileHandle.DangerousGetHandle();
    }

    private (string Path, int Descriptor) OpenUnique()
    {
        string name = Guid.NewGuid().ToString("N");
        return (Path.Combine(_directory, name), Open(name));
    }
}
