using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>Hostile guests and bad plugins at the second door (cases 23, 25 and 36).</summary>
public sealed class PciDeviceHostileTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new(TimeSpan.FromMilliseconds(200));

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(PciBarKind.Memory32, 2)]
    [InlineData(PciBarKind.Memory32, 0x1003)]
    [InlineData(PciBarKind.Memory64, 0x25)]
    [InlineData(PciBarKind.Io, 3)]
    [InlineData(PciBarKind.Io, 0x20)]
    public void Hostile_23_accesses_of_every_width_at_every_offset_stay_inside_the_declared_registers(PciBarKind kind, int size)
    {
        var device = new FakePciDevice { Bars = [new(0, kind, (ulong)size)] };
        PciGuest guest = _machine.Add(device);
        device.TakeAccesses();
        int decoded = (int)guest.Device.Bars[0]!.Size;
        for (int offset = Math.Max(0, size - 40); offset < decoded; offset++)
        {
            for (int width = 1; width <= 8; width++)
            {
                int inside = Math.Clamp(size - offset, 0, width);
                guest.Write(0, (ulong)offset, width, 0x0102_0304_0506_0708);
                ulong read = guest.Read(0, (ulong)offset, width);
                ulong ones = width == 8 ? ulong.MaxValue : (1UL << 8 * width) - 1, kept = inside == 8 ? ulong.MaxValue : (1UL << 8 * inside) - 1;
                Assert.Equal((0x0102_0304_0506_0708 & kept) | (ones & ~kept), read);
                string[] expected = inside == 0 ? [] : [$"write 0 {offset:x} {inside}", $"read 0 {offset:x} {inside}"];
                Assert.Equal(expected, device.TakeAccesses());
            }
        }

        Assert.Empty(_machine.Log.Lines);
    }

    [Fact]
    public void Hostile_23_config_accesses_of_every_width_at_every_offset_throw_nothing()
    {
        var device = new PowerfulPciDevice { OwnedConfig = [new(0x60, 0x20), new(0x100, 0x100)], Msix = new PciMsixTraits(8) };
        PciGuest guest = _machine.Add(device);
        var random = new Random(1);
        for (int offset = 0; offset < 4096; offset++)
        {
            for (int width = 1; width <= 8; width++)
            {
                guest.ReadConfig(offset, width);
                guest.WriteConfig(offset, (uint)random.Next(), width);
            }
        }

        Assert.Equal(0x5678_1234u, guest.ReadConfig(0));
        Assert.Equal([(byte)0x11, (byte)0x13], guest.Capabilities().Select(capability => capability.Id));
    }

    [Theory]
    [InlineData(nameof(IPciDevice.ReadBar))]
    [InlineData(nameof(IPciDevice.WriteBar))]
    [InlineData(nameof(IPciConfigSpace.ReadConfig))]
    [InlineData(nameof(IPciConfigSpace.WriteConfig))]
    public void Hostile_36_a_callback_that_throws_latches_its_device_with_one_line(string callback)
    {
        var device = new PowerfulPciDevice { OwnedConfig = [new(0x60, 4)], Msix = new PciMsixTraits(1) };
        PciGuest guest = _machine.Add(device), other = _machine.Add(new FakePciDevice(), "other");
        device.Throws = callback;
        for (int i = 0; i < 1000; i++)
        {
            guest.Write(0, 8, 4, 0x1234);
            guest.Read(0, 8, 4);
            guest.WriteConfig(0x60, 5);
            guest.ReadConfig(0x60);
        }

        string line = Assert.Single(_machine.Log.Lines);
        Assert.Contains(callback, line, StringComparison.Ordinal);
        Assert.Contains("no " + callback + " today", line, StringComparison.Ordinal);
        Assert.Contains("answers no more", line, StringComparison.Ordinal);
        device.TakeAccesses();
        Assert.Equal(ulong.MaxValue, guest.Read(0, 8, 8));
        Assert.Equal(uint.MaxValue, guest.ReadConfig(0x60));
        guest.Write(0, 8, 4, 1);
        guest.WriteConfig(0x60, 1);
        device.Transport!.SignalInterrupt(0);
        Assert.Equal(0ul, guest.Read(1, 16, 8));   // nothing pending
        Assert.Empty(device.TakeAccesses());
        Assert.Equal(0x5678_1234u, guest.ReadConfig(0));

        other.Write(0, 0, 4, 77);
        Assert.Equal(77ul, other.Read(0, 0, 4));

        // A reset of the function heals it.
        device.Throws = null;
        uint home = guest.ReadConfig(0x10);
        guest.WriteConfig(guest.Capability(0x13) + 4, 1, 1);
        guest.WriteConfig(0x10, home);
        guest.WriteConfig(4, 2, 2);
        guest.Write(0, 0, 4, 99);
        Assert.Equal(99ul, guest.Read(0, 0, 4));
    }

    [Fact]
    public void Hostile_36_a_reset_that_throws_leaves_the_device_latched()
    {
        var device = new PowerfulPciDevice { Throws = nameof(IPciResettable.Reset) };
        PciGuest guest = _machine.Add(device);
        uint home = guest.ReadConfig(0x10);
        guest.WriteConfig(guest.Capability(0x13) + 4, 1, 1);
        guest.WriteConfig(0x10, home);
        guest.WriteConfig(4, 2, 2);
        device.TakeAccesses();
        Assert.Equal(uint.MaxValue, guest.Read(0, 0, 4));
        Assert.Empty(device.TakeAccesses());
        Assert.Contains("Reset threw", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_36_a_device_that_says_it_failed_is_latched()
    {
        var device = new FakePciDevice();
        PciGuest guest = _machine.Add(device);
        guest.Device.NeedsReset("its thread died");
        guest.Device.NeedsReset("its thread died");
        device.TakeAccesses();
        Assert.Equal(0xffful, guest.Read(0, 0, 2) & 0xfff);
        Assert.Empty(device.TakeAccesses());
        Assert.Equal("its thread died; the device answers no more", Assert.Single(_machine.Log.Lines));
    }

    [Fact]
    public void Hostile_36_a_pause_that_never_returns_is_given_up_in_time_each_time()
    {
        using var hold = new ManualResetEventSlim();
        var device = new PowerfulPciDevice { HoldPause = hold };
        PciGuest guest = _machine.Add(device);
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < 3; i++)
        {
            string message = Assert.Throws<DeviceException>(guest.Device.Pause).Message;
            Assert.Contains("_pci0 cannot be paused: Pause did not return within 0.2 s", message, StringComparison.Ordinal);
        }

        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(60));
        Assert.Single(_machine.Log.Lines);
        hold.Set();
    }

    [Fact]
    public void Hostile_36_a_resume_that_throws_ends_the_device_and_nothing_else()
    {
        var device = new PowerfulPciDevice { Throws = nameof(IPausable.Resume) };
        PciGuest guest = _machine.Add(device);
        guest.Device.Pause();
        guest.Device.Resume();
        Assert.Equal(uint.MaxValue, guest.Read(0, 0, 4));
        Assert.Contains("Resume threw", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_36_a_dispose_that_never_returns_is_given_up_and_says_what_stays()
    {
        using var hold = new ManualResetEventSlim();
        var device = new FakePciDevice { HoldDispose = hold, Msix = new PciMsixTraits(1) };
        PciGuest guest = _machine.Add(device);
        Assert.False(guest.Device.Remove());
        Assert.False(guest.Device.Remove());
        Assert.Contains("Dispose did not return within 0.2 s", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        device.Transport!.SignalInterrupt(0);   // its interrupts are still there
        hold.Set();
    }

    [Fact]
    public void Hostile_36_a_dispose_that_throws_is_a_line_in_the_log()
    {
        PciGuest guest = _machine.Add(new FakePciDevice { Throws = nameof(IDisposable.Dispose) });
        Assert.True(guest.Device.Remove());
        Assert.Equal("Dispose threw NotSupportedException: no Dispose today", Assert.Single(_machine.Log.Lines));
    }

    [Fact]
    public void Hostile_25_and_37_accesses_moves_and_the_removal_may_come_at_once()
    {
        var device = new FakePciDevice { Bars = [new(0, PciBarKind.Memory32, 0x100), new(1, PciBarKind.Io, 0x20)], Msix = new PciMsixTraits(4) };
        PciGuest guest = _machine.Add(device);
        ulong memory = guest.Address(0), ports = guest.Address(1);
        using var stop = new CancellationTokenSource();
        var vcpus = new Thread[4];
        for (int i = 0; i < vcpus.Length; i++)
        {
            int number = i;
            vcpus[i] = new Thread(() =>
            {
                var random = new Random(number);
                while (!stop.IsCancellationRequested)
                {
                    switch (random.Next(4))
                    {
                        case 0: _machine.Read(_machine.Mmio, memory + (ulong)random.Next(0x100), 1 + random.Next(8)); break;
                        case 1: _machine.Write(_machine.Ports, ports + (ulong)random.Next(0x20), 4, 1); break;
                        case 2: guest.WriteConfig(0x10, random.Next(2) == 0 ? (uint)memory : 0xD000_0000); break;
                        default: guest.WriteConfig(4, (uint)random.Next(4), 2); break;
                    }
                }
            });
            vcpus[i].Start();
        }

        for (int i = 0; i < 200; i++) device.Transport!.SignalInterrupt(i % 4);
        var watch = Stopwatch.StartNew();
        SpinWait.SpinUntil(() => watch.ElapsedMilliseconds > 100);
        bool removed = guest.Device.Remove();
        device.TakeAccesses();
        stop.Cancel();
        foreach (Thread vcpu in vcpus) vcpu.Join();
        Assert.True(removed);
        Assert.DoesNotContain(device.TakeAccesses(), access => access != "dispose");
        Assert.Equal(1, device.Disposals);
    }
}
