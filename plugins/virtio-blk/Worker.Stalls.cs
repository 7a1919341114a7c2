using System.Runtime.InteropServices;

namespace Plugvisor.Plugins.VirtioBlk;

// What the host's disk does wrong, in words for whoever runs the host. The guest sees an I/O error, or waits.
internal sealed unsafe partial class Worker
{
    private const int ENOSPC = 28;
    private const long StallLookNanoseconds = 10 * NanosecondsPerSecond;

    private static readonly TimeSpan s_stallLook = TimeSpan.FromTicks(StallLookNanoseconds / TimeSpan.NanosecondsPerTick);

    /// <summary>A mask: a thread that never sleeps looks at the clock now and then all the same.</summary>
    private const uint PassesBetweenLooks = 1023;

    private bool _slept;
    private uint _passes;
    private bool _stallTold;
    private long _lastLook;          // by the host's clock
    private int _failure;            // what the text below is about
    private string _failureText = "";

    /// <summary>
    /// Looks, some seconds apart, whether a request is still there that the look before has seen already. Said once, until none is.
    /// </summary>
    private void LookForStalls()
    {
        _slept = false;
        if (_host.Clock.GetElapsedTime(_lastLook) < s_stallLook) return;
        _lastLook = _host.Clock.GetTimestamp();
        bool stalled = false;
        for (int slot = 0; slot <= _pool!.InternalSlot; slot++)
        {
            Request* request = _pool[slot];
            if (!request->InFlight || slot == _held) continue;
            stalled |= request->Seen;
            request->Seen = true;
        }

        if (stalled && !_stallTold)
            _host.Log.Warn($"{_name}: the host's disk has not answered a request for {s_stallLook.TotalSeconds:0} seconds; the guest waits for it");
        _stallTold = stalled;
    }

    private string Explain(int result)
    {
        // A guest can repeat a failure at will, so its text is made once.
        if (_failureText.Length != 0 && _failure == result) return _failureText;
        _failure = result;
        return _failureText = result switch
        {
            0 => "the host's image became shorter than the disk; the guest gets I/O errors past its end",
            -ENOSPC => "the host's filesystem is full; the guest gets I/O errors",
            _ => $"the host's disk failed a request: {Marshal.GetPInvokeErrorMessage(-result)}; the guest gets an I/O error",
        };
    }
}
