using System.Diagnostics;
using Plugvisor.Hypervisor;
using Plugvisor.Linux.Threads;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Vcpus;

/// <summary>
/// The one thread of a vCPU, <c>vcpuN</c>. It makes the vCPU, makes all calls on it and runs the guest. It starts paused.
/// Methods may be called from any thread but the vCPU's own.
/// </summary>
public sealed class VcpuThread
{
    private const int MaxFaults = 3;   // in a row that nobody mended

    private readonly Func<IVcpu> _create;
    private readonly VcpuWiring _wiring;
    private readonly int[]? _hostCpus;
    private readonly Thread _thread;

    // Guards everything below; also held while the vCPU is asked to exit, so that it cannot be disposed meanwhile.
    private readonly object _gate = new();
    private readonly Lock _oneInvocation = new();
    private IVcpu? _vcpu;
    private VcpuState _state = VcpuState.Starting;
    private VcpuState _wanted = VcpuState.Paused;
    private bool _hasRun;
    private Action<IVcpu>? _work;
    private Exception? _workError;
    private Exception? _startError;

    /// <summary>Prepares the thread; <see cref="Start"/> starts it.</summary>
    /// <param name="index">Number in names and reports.</param>
    /// <param name="create">Makes and initializes the vCPU; runs on the new thread.</param>
    /// <param name="wiring">Where exits go.</param>
    /// <param name="hostCpus">Host CPUs to run on; null for any.</param>
    public VcpuThread(int index, Func<IVcpu> create, VcpuWiring wiring, int[]? hostCpus = null)
    {
        Index = index;
        _create = create;
        _wiring = wiring;
        _hostCpus = hostCpus;
        _thread = new Thread(Main) { Name = $"vcpu{index}", IsBackground = true };
    }

    /// <summary>Number of the vCPU.</summary>
    public int Index { get; }

    /// <summary>What it does just now.</summary>
    public VcpuState State
    {
        get
        {
            lock (_gate) return _state;
        }
    }

    /// <summary>Starts the thread and returns at once; the vCPU is made meanwhile.</summary>
    public void Start() => _thread.Start();

    /// <summary>Waits until the vCPU is made.</summary>
    /// <exception cref="HypervisorException">It could not be made.</exception>
    public void WaitReady()
    {
        lock (_gate)
        {
            while (_state == VcpuState.Starting) Monitor.Wait(_gate);
            if (_startError is not null) throw new HypervisorException(_startError.Message, _startError);
        }
    }

    /// <summary>
    /// Runs something on the vCPU's thread, between two runs of the guest, and waits for it. Paused or running; a running one goes on after it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The vCPU is stopped.</exception>
    public void Invoke(Action<IVcpu> action)
    {
        Debug.Assert(Thread.CurrentThread != _thread, "would wait for itself");
        WaitReady();
        lock (_oneInvocation)
        {
            lock (_gate)
            {
                if (_state == VcpuState.Stopped) throw new InvalidOperationException($"vCPU {Index} is stopped");
                _workError = null;
                _work = action;
                Nudge();
                while (_work is not null && _state != VcpuState.Stopped) Monitor.Wait(_gate);
                if (_work is not null) throw new InvalidOperationException($"vCPU {Index} is stopped");
                if (_workError is not null) throw new HypervisorException(_workError.Message, _workError);
            }
        }
    }

    /// <summary>Lets the guest run.</summary>
    public void Resume()
    {
        lock (_gate)
        {
            if (_wanted == VcpuState.Stopped) return;
            _wanted = VcpuState.Running;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Asks the vCPU to leave the guest; <see cref="WaitPaused"/> waits for it.</summary>
    public void RequestPause()
    {
        lock (_gate)
        {
            if (_wanted == VcpuState.Stopped) return;
            _wanted = VcpuState.Paused;
            Nudge();
        }
    }

    /// <summary>Waits until the vCPU is out of the guest and has finished the access that it was serving.</summary>
    /// <returns>False when it is still running after <paramref name="limit"/>.</returns>
    public bool WaitPaused(TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            while (_state is VcpuState.Starting or VcpuState.Running)
            {
                TimeSpan left = limit - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left)) return _state is not (VcpuState.Starting or VcpuState.Running);
            }

            return true;
        }
    }

    /// <summary>Asks the thread to end; <see cref="Join"/> waits for it.</summary>
    public void RequestStop()
    {
        lock (_gate)
        {
            _wanted = VcpuState.Stopped;
            Nudge();
        }
    }

    /// <summary>Waits until the thread has ended and its vCPU is closed.</summary>
    /// <returns>False when it still lives after <paramref name="limit"/>.</returns>
    public bool Join(TimeSpan limit) => (_thread.ThreadState & System.Threading.ThreadState.Unstarted) != 0 || _thread.Join(limit);

    /// <summary>Gets the thread to look at what is asked. Under the gate.</summary>
    private void Nudge()
    {
        if (_state == VcpuState.Running) _vcpu!.RequestExit();
        else Monitor.PulseAll(_gate);
    }

    private void Main()
    {
        try
        {
            if (_hostCpus is not null) ThreadAffinity.Set(_hostCpus);
            IVcpu vcpu = _create();
            lock (_gate) _vcpu = vcpu;
        }
#pragma warning disable CA1031 // Whatever it is, WaitReady throws it on the thread that started this one.
        catch (Exception e)
#pragma warning restore CA1031
        {
            lock (_gate)
            {
                _startError = e;
                _state = VcpuState.Stopped;
                Monitor.PulseAll(_gate);
            }

            return;
        }

        VcpuState rest = VcpuState.Paused;
        while (Park(rest)) rest = Run(_vcpu) ? VcpuState.Paused : VcpuState.Ended;

        lock (_gate)
        {
            _state = VcpuState.Stopped;
            _vcpu.Dispose();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits to be resumed (true) or stopped (false), and does what <see cref="Invoke"/> brings.</summary>
    private bool Park(VcpuState state)
    {
        lock (_gate)
        {
            _state = state;
            Monitor.PulseAll(_gate);
            while (true)
            {
                Work();
                if (_wanted == VcpuState.Stopped) return false;
                if (_wanted == VcpuState.Running && state == VcpuState.Paused) break;
                Monitor.Wait(_gate);
            }

            if (_hasRun) _vcpu!.NotifyPaused();
            _hasRun = true;
            _vcpu!.ClearExitRequest();
            _state = VcpuState.Running;
            return true;
        }
    }

    /// <summary>The guest was interrupted: whether it may go on.</summary>
    private bool GoOn()
    {
        lock (_gate)
        {
            _vcpu!.ClearExitRequest();
            Work();
            return _wanted == VcpuState.Running;
        }
    }

    private void Work()
    {
        if (_work is null) return;
        try
        {
            _work(_vcpu!);
        }
#pragma warning disable CA1031 // Invoke throws it on the caller's thread.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _workError = e;
        }

        _work = null;
        Monitor.PulseAll(_gate);
    }

    /// <summary>Runs the guest until a pause or stop is asked (true), or until it cannot go on and that is reported (false).</summary>
    private bool Run(IVcpu vcpu)
    {
        int faults = 0;
        try
        {
            Bus ports = _wiring.Ports, mmio = _wiring.Mmio;
            while (true)
            {
                vcpu.Run(out VmExit exit);
                switch (exit.Reason)
                {
                    case VmExitReason.Port:
                        if (exit.Count == 1) Access(ports, ref exit);
                        else StringAccess(ports, ref exit);
                        break;
                    case VmExitReason.Mmio:
                        Access(mmio, ref exit);
                        break;
                    case VmExitReason.IoapicEoi:
                        _wiring.EndOfInterrupt((byte)exit.Address);
                        break;
                    case VmExitReason.Interrupted:
                        if (!GoOn()) return true;
                        break;
                    case VmExitReason.MemoryFault:
                        string? lost = _wiring.MemoryFault is { } mend ? mend(exit.Address) : "";
                        if (lost is null) faults = 0;
                        // Another vCPU may have mended just what this one ran into.
                        else if (++faults > MaxFaults)
                        {
                            VcpuReports.SendLost(_wiring, Index, vcpu, exit.Address, lost);
                            return false;
                        }

                        break;
                    default:
                        VcpuReports.Send(_wiring, Index, vcpu, ref exit);
                        return false;
                }
            }
        }
#pragma warning disable CA1031 // A vCPU must not die silently, whatever went wrong in a device or in the kernel.
        catch (Exception e)
#pragma warning restore CA1031
        {
            VcpuReports.Send(_wiring, Index, vcpu, e);
            return false;
        }
    }

    private static void Access(Bus bus, ref VmExit exit)
    {
        if (exit.IsWrite) bus.Write(exit.Address, exit.Data);
        else bus.Read(exit.Address, exit.Data);
    }

    /// <summary>INS and OUTS with a repeat count: the same port again and again.</summary>
    private static void StringAccess(Bus bus, ref VmExit exit)
    {
        Span<byte> left = exit.Data;
        while (left.Length >= exit.Width && exit.Width > 0)
        {
            if (exit.IsWrite) bus.Write(exit.Address, left[..exit.Width]);
            else bus.Read(exit.Address, left[..exit.Width]);
            left = left[exit.Width..];
        }
    }
}
