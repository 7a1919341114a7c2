using Plugvisor.Abstractions.Devices;

namespace Sample.Tiny;

/// <summary>What a device does wrong.</summary>
/// <param name="what">The mischief's name, or <c>none</c>.</param>
internal sealed class Mischief(string what)
{
    private static Timer? s_timer;

    /// <summary>Whether the device does this.</summary>
    public bool Is(string mischief) => what == mischief;

    /// <summary>Throws where this is the mischief.</summary>
    public void Throw(string mischief)
    {
        if (what == mischief) throw new TinyException($"mischief {mischief}");
    }

    /// <summary>Leaves something behind that outlives the device.</summary>
    public void Leave(IDeviceHost host)
    {
        switch (what)
        {
            case "thread":
                host.StartThread("tiny-lingers", WaitForEver);
                break;
            case "own-thread":
                new Thread(WaitForEver) { Name = "tiny-secret", IsBackground = true }.Start();
                break;
            case "timer":
                s_timer = new Timer(static _ => { }, null, 3_600_000, 3_600_000);
                break;
            case "handler":
                AppDomain.CurrentDomain.ProcessExit += static (_, _) => s_timer?.Dispose();
                break;
            case "throw-thread":
                host.StartThread("tiny-throws", () => throw new TinyException("mischief throw-thread"));
                break;
        }
    }

    /// <summary>Does not return.</summary>
    public static void WaitForEver() => new ManualResetEvent(false).WaitOne();
}
