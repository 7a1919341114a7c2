using Plugvisor.Machine.Pci;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>Random accesses to everything that the guest can reach of one device, by a seed that a failure names.</summary>
public sealed class VirtioPciFuzzTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(20261121)]
    [InlineData(-77)]
    public void Random_accesses_never_throw_and_leave_the_other_device_alone(int seed)
    {
        using var machine = new VirtioPciMachine();
        var device = new FakeVirtioDevice { Forgetful = true };
        GuestDriver guest = machine.Add(device);
        var other = new FakeVirtioDevice();
        GuestDriver beside = machine.Add(other, "other");
        beside.EnableMsix();
        beside.SetVector(1, 0xFEE0_2000, 0x66);
        beside.Start(0, 1);
        ulong home = beside.Bar;
        ulong ecam = PciRoot.EcamBase + (ulong)(guest.Slot << 15);
        var random = new Random(seed);
        ulong[] bases = [0, 0x2000, 0x4000, 0x6000, 0x8000, 0x48000];
        ulong[] values = [0, 1, 3, 11, 15, 16, 0x1000, 0x20000, 0xffff, 0x8000, 0xffff_ffff, ulong.MaxValue, 0xFEE0_1000, 0xC800_0000];

        for (int i = 0; i < 150_000; i++)
        {
            ulong value = random.Next(3) == 0 ? (ulong)random.NextInt64() : values[random.Next(values.Length)];
            int width = random.Next(4) == 0 ? random.Next(1, 9) : 1 << random.Next(4);
            bool write = random.Next(3) != 0;
            switch (random.Next(8))
            {
                case 0:
                    // A driver that does all in order now and then, so that the fuzzing also meets a running device.
                    if (i % 16 == 0 && guest.Device.Bars[0]!.IsMapped && guest.Reset()) guest.Start(0, 1);
                    break;
                case 1:
                    Access(ecam + (ulong)random.Next(0x100), width);
                    break;
                case 2:
                    Access(ecam + 0x10 + (ulong)random.Next(8), 4);
                    break;
                case 3:
                    machine.Write(machine.Ports, 0xcf8, 4, 0x8000_0000 | (uint)(guest.Slot << 11) | (uint)random.Next(0x100));
                    if (write) machine.Write(machine.Ports, 0xcfc + (ulong)random.Next(4), 1 << random.Next(3), value);
                    else machine.Read(machine.Ports, 0xcfc + (ulong)random.Next(4), 1 << random.Next(3));
                    break;
                default:
                    Access(guest.Bar + bases[random.Next(bases.Length)] + (ulong)random.Next(0x48), width);
                    break;
            }

            void Access(ulong address, int width)
            {
                // Its BAR may not be mapped, and then the address may be another's.
                if (address - home < 0x80000) return;
                if (write) machine.Write(machine.Mmio, address, width, value);
                else machine.Read(machine.Mmio, address, width);
            }
        }

        Assert.Equal(home, beside.Bar);
        Assert.Equal(15, beside.StatusNow);
        Assert.Equal(["Activate", "StartQueue 0 at 0", "StartQueue 1 at 0"], other.Calls);
        Assert.Contains(machine.Vm.Routes, route => route is { Address: 0xFEE0_2000, Data: 0x66 });
        Assert.True(machine.Vm.Doorbells.ContainsKey(home + GuestDriver.Notify));

        // And the device itself works again once it is reset.
        guest.WritePci(4, 2, 2);
        guest.WritePci(0x10, 0);
        guest.WritePci(0x14, 0x81);
        Assert.True(guest.Reset());
        guest.Start(0, 1);
        Assert.Equal(15, guest.StatusNow);
        Assert.True(device.Starts > 100, $"only {device.Starts} queues were started");
    }
}
