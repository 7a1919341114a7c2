using Plugvisor.Abstractions.Devices;

namespace Sample.Misbehaving;

/// <summary>Does the wrong thing in one callback.</summary>
internal sealed class Fault(Deed deed, string at)
{
    private static readonly ManualResetEventSlim s_never = new();

    public static Fault Of(Config config) => new(config.Deed, config.At);

    /// <summary>A callback begins.</summary>
    public void At(string callback, IDeviceHost? host = null)
    {
        if (callback != at) return;
        switch (deed)
        {
            case Deed.Throw:
                throw new InvalidOperationException("on purpose");
            case Deed.Hang:
                s_never.Wait();
                break;
            case Deed.Allocate:
                Allocate();
                break;
            case Deed.Stray:
                new Thread(static () => throw new InvalidOperationException("on purpose")) { Name = "stray" }.Start();
                break;
            case Deed.Thread:
                host!.StartThread("bad_thread", static () => throw new InvalidOperationException("on purpose"));
                break;
            case Deed.Leak:
                host!.StartThread("bad_leak", s_never.Wait);
                break;
        }
    }

    private static void Allocate()
    {
        var all = new List<byte[]>();
        while (true)
        {
            byte[] block = new byte[16 << 20];
            for (int i = 0; i < block.Length; i += 4096) block[i] = 1;
            all.Add(block);
        }
    }
}
