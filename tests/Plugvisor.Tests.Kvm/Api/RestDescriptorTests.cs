using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>A tap that only the client could open comes to the VMM beside a request (SCM_RIGHTS), and the guest's frames go through it.</summary>
public sealed class RestDescriptorTests : IDisposable
{
    // Descriptor 10 is a tap in a namespace of its own, whose other end net-peer has. The VMM does not inherit it.
    private const string Client =
        """
        import socket, subprocess, sys, time
        path, create, before = sys.argv[1:4]
        vmm = subprocess.Popen(sys.argv[4:])
        while True:
            try:
                api = socket.socket(socket.AF_UNIX)
                api.connect(path)
                break
            except OSError:
                time.sleep(0.005)

        def ask(status, method, operation, body='', descriptors=[]):
            head = f'{method} /api/v1/{operation} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n'
            socket.send_fds(api, [head.encode()], descriptors)
            api.sendall(body.encode())
            answer = api.recv(65536).decode()
            print(answer.splitlines()[0], operation, answer.split('\r\n\r\n')[1], flush=True)
            if not answer.startswith(f'HTTP/1.1 {status} '): sys.exit(f'{operation}: {answer}')

        ask(204, 'PUT', 'vm.create', create)
        if before: ask(400, 'PUT', 'vm.add-net', '{"num_queues":2}', [10, 10])
        ask(204, 'PUT', 'vm.add-net', '{"num_queues":2,"fds":[77]}', [10])
        ask(200, 'GET', 'vm.info')
        ask(204, 'PUT', 'vm.boot')
        sys.exit(vmm.wait())
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-fds").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("wrong count first")]
    public async Task A_guests_frames_go_through_a_tap_that_a_client_sent(string before)
    {
        string socket = Path.Combine(_directory, "api.sock");
        string create = $$"""
            {"payload":{"kernel":"{{GuestImages.Of("net-frames")}}","cmdline":"send=5000"},"memory":{"size":268435456},
            "serial":{"mode":"Tty"},"console":{"mode":"Off"} }
            """;
        using VmmProcess vmm = VmmProcess.StartBy(
            [PeerPrograms.Of("net-peer"), "recv=5000", "pass=1", "--", "python3", "-c", Client, socket, create, before], "--api-socket", socket);

        string output = await vmm.FinishAsync();

        Assert.True(output.Contains("net-peer received 5000 lost 0 ", StringComparison.Ordinal), vmm.Everything());
        // Numbers in a document mean nothing to another process.
        Assert.DoesNotContain("77", output.Split('\n').First(line => line.Contains("vm.info", StringComparison.Ordinal)));
        Assert.True(vmm.Everything().Contains("vm.add-net: numbers of descriptors in \"fds\" mean nothing", StringComparison.Ordinal), vmm.Everything());
    }
}
