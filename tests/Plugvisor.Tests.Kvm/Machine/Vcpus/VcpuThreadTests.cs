using System.Collections.Concurrent;
using System.Diagnostics;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Vcpus;
using Plugvisor.Tests.Kvm.Hypervisor;
using Xunit;

namespace Plugvisor.Tests.Kvm.Machine.Vcpus;

public sealed class VcpuThreadTests : IVcpuEvents, IBusDevice
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly BlockingCollection<(string Event, VcpuReport Report)> _events = [];
    private readonly BlockingCollection<byte[]> _writes = [];

    [Fact]
    public void A_string_write_reaches_the_port_byte_by_byte()
    {
        // mov si, 0x2000; mov cx, 4; mov dx, 0x402; rep outsb; jmp $
        using var guest = new RealModeGuest(0xbe, 0x00, 0x20, 0xb9, 0x04, 0x00, 0xba, 0x02, 0x04, 0xf3, 0x6e, 0xeb, 0xfe);
        "host"u8.CopyTo(guest.Memory[0x2000..]);
        VcpuThread thread = Start(guest, 0x402);

        foreach (byte b in "host"u8.ToArray()) Assert.Equal([b], Take(_writes));

        Stop(thread);
    }

    [Fact]
    public void A_string_read_fills_each_element()
    {
        // mov di, 0x2000; mov cx, 3; mov dx, 0x402; rep insw; mov al, 1; out dx, al; jmp $
        using var guest = new RealModeGuest(0xbf, 0x00, 0x20, 0xb9, 0x03, 0x00, 0xba, 0x02, 0x04, 0xf3, 0x6d, 0xb0, 0x01, 0xee, 0xeb, 0xfe);
        VcpuThread thread = Start(guest, 0x402);
        Take(_writes);
        Stop(thread);

        Assert.Equal([0x5a, 0xff, 0x5a, 0xff, 0x5a, 0xff, 0], guest.Memory.Slice(0x2000, 7).ToArray());
    }

    [Fact]
    public void A_guest_in_a_tight_loop_pauses_and_goes_on()
    {
        // inc word [0x2000]; jmp back
        using var guest = new RealModeGuest(0xff, 0x06, 0x00, 0x20, 0xeb, 0xfa);
        VcpuThread thread = Start(guest);

        for (int i = 0; i < 20; i++)
        {
            Pause(thread);
            Assert.Equal(VcpuState.Paused, thread.State);
            ulong rip = 0;
            thread.Invoke(vcpu => rip = vcpu.Registers.Rip);
            Assert.InRange(rip, RealModeGuest.Origin, (ulong)RealModeGuest.Origin + 5);
            byte[] before = guest.Memory.Slice(0x2000, 2).ToArray();
            Assert.Equal(before, guest.Memory.Slice(0x2000, 2).ToArray());
            thread.Resume();
            var wait = new SpinWait();
            long start = Stopwatch.GetTimestamp();
            while (guest.Memory.Slice(0x2000, 2).SequenceEqual(before))
            {
                Assert.True(Stopwatch.GetElapsedTime(start) < Limit, "the guest does not go on");
                wait.SpinOnce();
            }
        }

        Stop(thread);
    }

    [Fact]
    public void A_halted_vcpu_pauses_and_stops()
    {
        using var guest = new RealModeGuest(0xf4, 0xeb, 0xfd);   // hlt; jmp back
        VcpuThread thread = Start(guest);

        Pause(thread);
        thread.Resume();

        Stop(thread);
    }

    [Fact]
    public void A_vcpu_that_waits_for_its_start_signal_pauses_and_stops()
    {
        using var guest = new RealModeGuest(0xeb, 0xfe);
        var second = new VcpuThread(1, () => Make(guest.Vm, 1), Wiring(guest));
        guest.Threads.Add(second);
        second.Start();
        second.WaitReady();
        second.Resume();

        Pause(second);

        Stop(second);
    }

    [Fact]
    public void A_second_vcpu_starts_by_init_and_sipi_and_knows_its_apic_id()
    {
        using var guest = new RealModeGuest(0xeb, 0xfe);
        // At 0x2000: mov eax, 0xb; cpuid; mov eax, edx; mov dx, 0x402; out dx, eax; jmp $
        ((ReadOnlySpan<byte>)[0x66, 0xb8, 0x0b, 0, 0, 0, 0x0f, 0xa2, 0x66, 0x89, 0xd0, 0xba, 0x02, 0x04, 0x66, 0xef, 0xeb, 0xfe]).CopyTo(guest.Memory[0x2000..]);
        VcpuWiring wiring = Wiring(guest);
        Assert.True(wiring.Ports.TryAdd(0x402, 4, this));
        var second = new VcpuThread(1, () => Make(guest.Vm, 5), wiring);
        guest.Threads.Add(second);
        second.Start();
        second.WaitReady();
        second.Resume();

        guest.Vm.SignalMsi(0xfee0_0000 | (5 << 12), 0x500);   // INIT to APIC id 5
        guest.Vm.SignalMsi(0xfee0_0000 | (5 << 12), 0x602);   // start at page 2

        Assert.Equal([5, 0, 0, 0], Take(_writes));
    }

    [Fact]
    public void Invoke_interrupts_a_running_guest_and_lets_it_go_on()
    {
        using var guest = new RealModeGuest(0xeb, 0xfe);
        VcpuThread thread = Start(guest);
        int threadId = 0;

        thread.Invoke(_ => threadId = Environment.CurrentManagedThreadId);

        Assert.NotEqual(Environment.CurrentManagedThreadId, threadId);
        Assert.Equal(VcpuState.Running, thread.State);
        Assert.Equal("boom", Assert.Throws<HypervisorException>(() => thread.Invoke(_ => throw new InvalidOperationException("boom"))).Message);
        Stop(thread);
        Assert.Throws<InvalidOperationException>(() => thread.Invoke(_ => { }));
    }

    [Fact]
    public void A_triple_fault_asks_for_a_reset_and_parks()
    {
        using var guest = new RealModeGuest(0x0f, 0x0b, 0x90);   // ud2; nop
        RealModeGuest.EnterProtectedMode(guest.Vcpu);            // without an interrupt table
        VcpuThread thread = Start(guest);

        (string what, VcpuReport report) = Take(_events);

        Assert.Equal("reset", what);
        Assert.StartsWith("vCPU 0 stopped: triple fault, rip 0x", report.ToString(), StringComparison.Ordinal);
        Assert.True(thread.WaitPaused(Limit));
        Assert.Equal(VcpuState.Ended, thread.State);
        Stop(thread);
    }

    [Fact]
    public void An_instruction_that_kvm_cannot_emulate_is_reported_with_its_bytes()
    {
        // mov edi, 0x20000; paddb mm0, [edi]: a device access by an instruction of which KVM emulates none
        using var guest = new RealModeGuest(0xbf, 0x00, 0x00, 0x02, 0x00, 0x0f, 0xfc, 0x07, 0x90);
        RealModeGuest.EnterProtectedMode(guest.Vcpu);
        VcpuThread thread = Start(guest);

        (string what, VcpuReport report) = Take(_events);

        Assert.Equal("fatal", what);
        Assert.StartsWith(
            "vCPU 0 stopped: KVM cannot emulate an instruction (internal error, suberror 1), rip 0x1005 (32-bit, ring 0), instruction bytes 0f fc 07",
            report.ToString(), StringComparison.Ordinal);
        Stop(thread);
    }

    [Fact]
    public void A_jump_out_of_memory_is_reported()
    {
        // jmp 0x20000
        using var guest = new RealModeGuest(0xe9, 0xfb, 0xef, 0x01, 0x00);
        RealModeGuest.EnterProtectedMode(guest.Vcpu);
        VcpuThread thread = Start(guest);

        (string what, VcpuReport report) = Take(_events);

        Assert.Equal(("fatal", 0x20000ul), (what, report.Rip));
        Stop(thread);
    }

    [Fact]
    public void An_exception_from_a_device_is_reported_as_fatal()
    {
        using var guest = new RealModeGuest(0xe6, 0x10, 0xeb, 0xfe);   // out 0x10, al; jmp $
        VcpuWiring wiring = Wiring(guest);
        Assert.True(wiring.Ports.TryAdd(0x10, 1, new Broken()));
        var thread = new VcpuThread(0, () => guest.Vcpu, wiring);
        guest.Threads.Add(thread);
        thread.Start();
        thread.Resume();

        (string what, VcpuReport report) = Take(_events);

        Assert.Equal(("fatal", "broken device"), (what, report.Reason));
        Assert.Contains("(real mode), instruction bytes", report.ToString(), StringComparison.Ordinal);
        Stop(thread);
    }

    [Fact]
    public void A_vcpu_that_cannot_be_made_says_so()
    {
        using var guest = new RealModeGuest(0xf4);
        var thread = new VcpuThread(0, () => guest.Vm.CreateVcpu(0), Wiring(guest));   // there is a vCPU 0 already

        thread.Start();

        HypervisorException error = Assert.Throws<HypervisorException>(thread.WaitReady);
        Assert.StartsWith("KVM refuses vCPU 0", error.Message, StringComparison.Ordinal);
        Stop(thread);
    }

    void IVcpuEvents.OnReset(VcpuReport report) => _events.Add(("reset", report));

    void IVcpuEvents.OnShutdown(VcpuReport report) => _events.Add(("shutdown", report));

    void IVcpuEvents.OnFatal(VcpuReport report) => _events.Add(("fatal", report));

    void IBusDevice.Read(ulong offset, Span<byte> data) => data[0] = 0x5a;

    void IBusDevice.Write(ulong offset, ReadOnlySpan<byte> data) => _writes.Add(data.ToArray());

    private static T Take<T>(BlockingCollection<T> queue)
    {
        Assert.True(queue.TryTake(out T? item, Limit), "nothing came");
        return item;
    }

    private static IVcpu Make(IVm vm, uint id)
    {
        IVcpu vcpu = vm.CreateVcpu(id);
        vcpu.Initialize(new VcpuSetup(2, 46, null));
        return vcpu;
    }

    private static void Pause(VcpuThread thread)
    {
        thread.RequestPause();
        Assert.True(thread.WaitPaused(Limit));
    }

    private static void Stop(VcpuThread thread)
    {
        thread.RequestStop();
        Assert.True(thread.Join(Limit));
    }

    private static unsafe GuestMemory View(RealModeGuest guest)
    {
        // SAFETY: the guest outlives its threads.
        fixed (byte* memory = guest.Memory) return new GuestMemory(new GuestRegion(0, RealModeGuest.MemorySize, (nint)memory));
    }

    private VcpuWiring Wiring(RealModeGuest guest) => new(new Bus(), new Bus(), View(guest), static _ => { }, this);

    private VcpuThread Start(RealModeGuest guest, ushort? port = null)
    {
        VcpuWiring wiring = Wiring(guest);
        if (port is { } at) Assert.True(wiring.Ports.TryAdd(at, 4, this));
        var thread = new VcpuThread(0, () => guest.Vcpu, wiring);
        guest.Threads.Add(thread);
        thread.Start();
        thread.Resume();
        thread.WaitReady();
        return thread;
    }

    private sealed class Broken : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data) => throw new InvalidOperationException("broken device");

        public void Write(ulong offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException("broken device");
    }
}
