using Plugvisor.Control.Events;
using Plugvisor.DBus;
using Plugvisor.DBus.Systemd;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>The D-Bus API on a private bus, with a VMM that only answers.</summary>
internal sealed class BusRig : IAsyncDisposable
{
    public const string Name = "org.plugvisor.Test1", ObjectPath = "/org/plugvisor/Test1", Interface = "org.cloudhypervisor.DBusApi1";

    public BusRig(string name = Name, Func<string, string?>? environment = null, bool systemBus = false)
    {
        DBus = new DBusApi(
            new DBusOptions(name, ObjectPath, systemBus), Events, Logs, new SdBusConnector(), environment ?? Bus.Environment);
    }

    public PrivateBus Bus { get; } = new();

    public FakeVmmApi Api { get; } = new();

    public EventHub Events => Api.Events;

    public RecordingLogs Logs { get; } = new();

    public DBusApi DBus { get; }

    /// <summary>A rig whose API is on the bus.</summary>
    public static async Task<BusRig> StartAsync()
    {
        var rig = new BusRig();
        rig.Start();
        await rig.Logs.WaitForAsync("D-Bus API: ");
        return rig;
    }

    /// <summary>Starts the API, which is on the bus some time later.</summary>
    public void Start() => DBus.Start(Api);

    /// <summary>Calls a method with busctl.</summary>
    public Task<(int Code, string Output)> CallAsync(string method, string? document = null) => Bus.RunAsync(
        "busctl", ["--user", "call", Name, ObjectPath, Interface, method, .. document is null ? Array.Empty<string>() : ["s", document]]);

    public async ValueTask DisposeAsync()
    {
        await DBus.DisposeAsync();
        Bus.Dispose();
        Logs.Dispose();
    }
}
