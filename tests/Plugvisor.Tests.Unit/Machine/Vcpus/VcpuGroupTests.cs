using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Vcpus;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Vcpus;

public sealed unsafe class VcpuGroupTests : IVcpuEvents, IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly BlockingCollection<(string Event, VcpuReport Report)> _events = [];
    private readonly byte* _memory = (byte*)NativeMemory.AllocZeroed(0x2000);
    private readonly Bus _ports = new();
    private Func<ulong, string?>? _mend;

    [Fact]
    public void Pause_takes_all_out_and_resume_tells_the_clock()
    {
        (VcpuGroup group, FakeVcpu[] vcpus) = Make(3);
        group.Start();
        group.WaitReady();
        ResumeAndRun(group, vcpus);

        group.Pause();

        foreach (VcpuThread thread in group.Threads) Assert.Equal(VcpuState.Paused, thread.State);
        Assert.All(vcpus, v => Assert.Equal(0, v.PauseNotices));
        ResumeAndRun(group, vcpus);
        group.InjectNmi();
        Assert.True(group.Stop());
        Assert.All(vcpus, v => Assert.Equal((1, 1, true), (v.PauseNotices, v.Nmis, v.IsDisposed)));
    }

    [Fact]
    public void Stopping_twice_or_before_the_start_is_fine()
    {
        (VcpuGroup group, _) = Make(1);
        Assert.True(group.Stop());
        (group, _) = Make(1);
        group.Start();
        Assert.True(group.Stop());
        Assert.True(group.Stop());
    }

    [Theory]
    [InlineData(VmExitReason.Shutdown, 8, "reset", "triple fault")]
    [InlineData(VmExitReason.SystemEvent, 1, "shutdown", "the guest asked for a shutdown")]
    [InlineData(VmExitReason.SystemEvent, 2, "reset", "the guest asked for a reset")]
    [InlineData(VmExitReason.SystemEvent, 3, "fatal", "the guest reported a crash")]
    [InlineData(VmExitReason.FailEntry, 0x80000021, "fatal", "the processor refuses the guest's state (hardware reason 0x80000021)")]
    [InlineData(VmExitReason.InternalError, 1, "fatal", "KVM cannot emulate an instruction (internal error, suberror 1)")]
    [InlineData(VmExitReason.Unknown, 99, "fatal", "exit 99 of KVM, which this program does not know")]
    public void An_exit_that_cannot_go_on_is_reported_and_parks_the_vcpu(VmExitReason reason, ulong detail, string what, string words)
    {
        ((ReadOnlySpan<byte>)[0x0f, 0x0b, 0xf4]).CopyTo(new Span<byte>(_memory + 0x1234, 3));
        (VcpuGroup group, FakeVcpu[] vcpus) = Make(1);
        vcpus[0].Add(reason, detail);
        group.Start();
        group.Resume();

        Assert.True(_events.TryTake(out (string Event, VcpuReport Report) seen, Limit));

        Assert.Equal((what, words), (seen.Event, seen.Report.Reason));
        Assert.StartsWith($"vCPU 0 stopped: {words}, rip 0x1234 (real mode), instruction bytes 0f 0b f4 00", seen.Report.ToString(), StringComparison.Ordinal);
        group.Pause();
        group.Resume();
        Assert.Equal(VcpuState.Ended, group.Threads[0].State);
        Assert.True(group.Stop());
        Assert.Equal(1, vcpus[0].Runs);
    }

    [Fact]
    public void The_kernel_s_copy_of_the_instruction_goes_before_guest_memory()
    {
        (VcpuGroup group, FakeVcpu[] vcpus) = Make(1);
        vcpus[0].Add((out exit) => exit = new VmExit { Reason = VmExitReason.InternalError, Detail = 1, Data = new byte[] { 0xcc, 0x90 } });
        group.Start();
        group.Resume();

        Assert.True(_events.TryTake(out (string Event, VcpuReport Report) seen, Limit));

        Assert.EndsWith("instruction bytes cc 90", seen.Report.ToString(), StringComparison.Ordinal);
        group.Stop();
    }

    [Fact]
    public void A_refused_run_is_reported_even_when_nothing_can_be_read()
    {
        (VcpuGroup group, FakeVcpu[] vcpus) = Make(1);
        vcpus[0].FailRegisters = true;
        vcpus[0].Add((out _) => throw new HypervisorException("KVM refuses to run vCPU 0 (KVM_RUN): Bad address (errno 14)"));
        group.Start();
        group.Resume();

        Assert.True(_events.TryTake(out (string Event, VcpuReport Report) seen, Limit));

        Assert.Equal("fatal", seen.Event);
        Assert.Equal(
            "vCPU 0 stopped: KVM refuses to run vCPU 0 (KVM_RUN): Bad address (errno 14), rip unknown, instruction bytes unreadable",
            seen.Report.ToString());
        group.Stop();
    }

    [Fact]
    public void Lost_memory_that_a_device_mends_lets_the_guest_go_on_and_otherwise_is_reported()
    {
        var asked = new List<ulong>();
        _mend = address =>
        {
            asked.Add(address);
            return asked.Count is 1 or 5 ? null : "; it may be that of pmem0";
        };
        (VcpuGroup group, FakeVcpu[] vcpus) = Make(1);
        for (ulong i = 1; i <= 9; i++)
        {
            ulong address = i << 12;
            vcpus[0].Add((out exit) => exit = new VmExit { Reason = VmExitReason.MemoryFault, Address = address });
        }

        group.Start();
        group.Resume();

        Assert.True(_events.TryTake(out (string Event, VcpuReport Report) seen, Limit));

        Assert.Equal([0x1000ul, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000, 0x9000], asked);
        Assert.Equal("fatal", seen.Event);
        Assert.StartsWith("KVM cannot reach memory at guest address 0x9000 that the guest uses", seen.Report.Reason, StringComparison.Ordinal);
        Assert.EndsWith("; it may be that of pmem0", seen.Report.Reason, StringComparison.Ordinal);
        group.Stop();
    }

    [Fact]
    public void A_device_that_holds_a_vcpu_makes_pause_say_which()
    {
        (VcpuGroup group, FakeVcpu[] vcpus) = Make(2, TimeSpan.FromMilliseconds(50));
        using var held = new Held();
        Assert.True(_ports.TryAdd(0x10, 1, held));
        vcpus[1].Add((out exit) => exit = new VmExit { Reason = VmExitReason.Port, IsWrite = true, Width = 1, Count = 1, Address = 0x10, Data = new byte[1] });
        group.Start();
        group.Resume();
        Assert.True(held.Entered.Wait(Limit, TestContext.Current.CancellationToken));

        HypervisorException error = Assert.Throws<HypervisorException>(group.Pause);

        Assert.StartsWith("vCPU 1 did not pause", error.Message, StringComparison.Ordinal);
        Assert.Equal(VcpuState.Paused, group.Threads[0].State);
        held.Release.Set();
        group.Pause();
        Assert.Equal(VcpuState.Paused, group.Threads[1].State);
        group.Stop();
    }

    public void Dispose()
    {
        NativeMemory.Free(_memory);
        _events.Dispose();
    }

    void IVcpuEvents.OnReset(VcpuReport report) => _events.Add(("reset", report));

    void IVcpuEvents.OnShutdown(VcpuReport report) => _events.Add(("shutdown", report));

    void IVcpuEvents.OnFatal(VcpuReport report) => _events.Add(("fatal", report));

    /// <summary>Resumes and waits until each vCPU has run.</summary>
    private static void ResumeAndRun(VcpuGroup group, FakeVcpu[] vcpus)
    {
        using var ran = new CountdownEvent(vcpus.Length);
        foreach (FakeVcpu vcpu in vcpus)
        {
            vcpu.Add((out exit) =>
            {
                exit = new VmExit { Reason = VmExitReason.Interrupted };
                ran.Signal();
            });
        }

        group.Resume();
        Assert.True(ran.Wait(Limit, TestContext.Current.CancellationToken));
    }

    private (VcpuGroup Group, FakeVcpu[] Vcpus) Make(int count, TimeSpan? patience = null)
    {
        var memory = new GuestMemory(new GuestRegion(0, 0x2000, (nint)_memory));
        var wiring = new VcpuWiring(_ports, new Bus(), memory, static _ => { }, this) { MemoryFault = _mend };
        var vcpus = new FakeVcpu[count];
        var threads = new VcpuThread[count];
        for (int i = 0; i < count; i++)
        {
            FakeVcpu vcpu = vcpus[i] = new FakeVcpu { Id = (uint)i };
            threads[i] = new VcpuThread(i, () => vcpu, wiring);
        }

        return (new VcpuGroup(threads, patience), vcpus);
    }

    private sealed class Held : IBusDevice, IDisposable
    {
        public ManualResetEventSlim Entered { get; } = new();

        public ManualResetEventSlim Release { get; } = new();

        public void Read(ulong offset, Span<byte> data) => throw new NotSupportedException();

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            Entered.Set();
            Release.Wait();
        }

        public void Dispose()
        {
            Entered.Dispose();
            Release.Dispose();
        }
    }
}
