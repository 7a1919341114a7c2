using Plugvisor.Tests.Kvm.Guests;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The published executable with an API socket in a directory of its own.</summary>
internal sealed class ApiVmm : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-api").FullName;

    private ApiVmm(string[] arguments)
    {
        Socket = Path.Combine(_directory, "api.sock");
        Process = VmmProcess.Start(["--api-socket", Socket, "--event-monitor", $"path={EventFile}", .. arguments]);
    }

    public VmmProcess Process { get; }

    public string Socket { get; }

    /// <summary>Where the event monitor writes.</summary>
    public string EventFile => Path.Combine(_directory, "events");

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<ApiVmm> StartAsync(params string[] arguments)
    {
        var vmm = new ApiVmm(arguments);
        try
        {
            await vmm.Process.WaitForAsync("API listens", TimeSpan.FromSeconds(30));
            return vmm;
        }
        catch
        {
            vmm.Dispose();
            throw;
        }
    }

    public Task<ApiClient> ConnectAsync() => ApiClient.ConnectAsync(Socket);

    /// <summary>A path in the directory that goes with it.</summary>
    public string PathOf(string name) => Path.Combine(_directory, name);

    /// <summary>A VmConfig for one of our guests.</summary>
    public static string ConfigOf(string guest, string options = "", string more = "") =>
        $$"""
        {"payload":{"kernel":"{{GuestImages.Of(guest)}}","cmdline":"{{options}}"},"memory":{"size":{{64 << 20}}},
         "serial":{"mode":"Tty"},"console":{"mode":"Off"}{{more}}}
        """;

    public void Dispose()
    {
        Process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
