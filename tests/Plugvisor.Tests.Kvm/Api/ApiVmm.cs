using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The published executable with an API socket in a directory of its own.</summary>
internal sealed class ApiVmm : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-api").FullName;

    private ApiVmm(string[] command, string[] arguments)
    {
        Socket = Path.Combine(_directory, "api.sock");
        arguments = ["--api-socket", Socket, "--event-monitor", $"path={EventFile}", .. arguments];
        Process = command.Length == 0 ? VmmProcess.Start(arguments) : VmmProcess.StartBy(command, arguments);
    }

    public VmmProcess Process { get; }

    public string Socket { get; }

    /// <summary>Where the event monitor writes.</summary>
    public string EventFile => Path.Combine(_directory, "events");

    /// <summary>Starts it and waits until it answers.</summary>
    public static Task<ApiVmm> StartAsync(params string[] arguments) => StartByAsync([], arguments);

    /// <summary>As <see cref="StartAsync"/>, by a command that runs the command line behind it in its own place.</summary>
    public static async Task<ApiVmm> StartByAsync(string[] command, params string[] arguments)
    {
        var vmm = new ApiVmm(command, arguments);
        try
        {
            await vmm.EventAsync("api-ready");
            return vmm;
        }
        catch
        {
            vmm.Dispose();
            throw;
        }
    }

    /// <summary>As <see cref="StartAsync"/>, with garbage collected so often that a leak shows above the garbage.</summary>
    public static Task<ApiVmm> StartTidyAsync(params string[] arguments) => StartByAsync(["env", "DOTNET_GCgen0size=0x200000"], arguments);

    /// <summary>Waits until the event monitor has told of something so many times.</summary>
    public async Task EventAsync(string name, int times = 1)
    {
        long deadline = Environment.TickCount64 + 30_000;
        while (!File.Exists(EventFile)
            || (await File.ReadAllTextAsync(EventFile, TestContext.Current.CancellationToken)).Split($"\"{name}\"").Length <= times)
        {
            Assert.True(Environment.TickCount64 < deadline, $"no event {name}{Process.Everything()}");
            await Task.Yield();
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
