using System.Diagnostics;
using Plugvisor.Hypervisor;

namespace Plugvisor.Machine.Vcpus;

/// <summary>
/// All vCPU threads of a VM. Used by one owner (the control loop), never from a vCPU thread.
/// </summary>
/// <param name="threads">The threads, by index; not started yet.</param>
/// <param name="patience">How long <see cref="Pause"/> and <see cref="Stop"/> wait for a vCPU that is inside a device's register
/// access; null for 5 s.</param>
public sealed class VcpuGroup(VcpuThread[] threads, TimeSpan? patience = null)
{
    private readonly TimeSpan _patience = patience ?? TimeSpan.FromSeconds(5);

    /// <summary>The threads, by index.</summary>
    public ReadOnlySpan<VcpuThread> Threads => threads;

    /// <summary>Starts the threads, which make their vCPUs in parallel with what the caller does next.</summary>
    public void Start()
    {
        foreach (VcpuThread thread in threads) thread.Start();
    }

    /// <summary>Waits until all vCPUs are made.</summary>
    /// <exception cref="HypervisorException">One could not be made; the caller stops the group.</exception>
    public void WaitReady()
    {
        foreach (VcpuThread thread in threads) thread.WaitReady();
    }

    /// <summary>Lets the guest run.</summary>
    public void Resume()
    {
        foreach (VcpuThread thread in threads) thread.Resume();
    }

    /// <summary>Takes every vCPU out of the guest, all at once, and waits for it. Accesses that were being served are finished.</summary>
    /// <exception cref="HypervisorException">A vCPU does not come out in time; the others are paused.</exception>
    public void Pause()
    {
        foreach (VcpuThread thread in threads) thread.RequestPause();
        long start = Stopwatch.GetTimestamp();
        foreach (VcpuThread thread in threads)
        {
            if (!thread.WaitPaused(Left(start)))
                throw new HypervisorException($"vCPU {thread.Index} did not pause within {_patience.TotalSeconds:0.###} s: a device holds it in a register access");
        }
    }

    /// <summary>Ends all threads and closes their vCPUs. Twice is fine, also when <see cref="Start"/> failed or never ran.</summary>
    /// <returns>False when one did not end in time.</returns>
    public bool Stop()
    {
        foreach (VcpuThread thread in threads) thread.RequestStop();
        long start = Stopwatch.GetTimestamp();
        bool all = true;
        foreach (VcpuThread thread in threads) all &= thread.Join(Left(start));
        return all;
    }

    /// <summary>Interrupts every vCPU with an NMI.</summary>
    public void InjectNmi()
    {
        foreach (VcpuThread thread in threads) thread.Invoke(static vcpu => vcpu.InjectNmi());
    }

    private TimeSpan Left(long start)
    {
        TimeSpan left = _patience - Stopwatch.GetElapsedTime(start);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
