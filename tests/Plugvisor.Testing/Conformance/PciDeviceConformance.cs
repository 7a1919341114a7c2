using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Xunit;

namespace Plugvisor.Testing.Conformance;

/// <summary>
/// What every PCI device that is not virtio has to do, whatever it is. Derive a test class for the device and say how to make one; the tests
/// come by inheritance.
/// <code>
/// public sealed class MyDeviceConformance : PciDeviceConformance
/// {
///     protected override IPciDevice Create(MockDeviceHost host) => new MyDevice(host);
/// }
/// </code>
/// </summary>
public abstract partial class PciDeviceConformance
{
    private const int Iterations = 200;
    private const ulong LookedAt = 4096;   // bytes at each end of a large BAR

    /// <summary>Makes a device that is independent of all others.</summary>
    protected abstract IPciDevice Create(MockDeviceHost host);

    /// <summary>
    /// For a device that is <see cref="ISnapshottable"/>: makes another instance with the same configuration, from what an earlier one saved and handed over.
    /// </summary>
    protected virtual IPciDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        throw new NotSupportedException($"the device is {nameof(ISnapshottable)}: override {nameof(CreateSuccessor)}");

    /// <summary>Adds services of the host that the device needs.</summary>
    protected virtual void Prepare(MockDeviceHost host) => host.Offer<IMachineControl>(new MockMachineControl());

    [Fact]
    public void Traits_are_possible()
    {
        using var rig = new Rig(this);
        PciTraits traits = rig.Traits;
        Assert.InRange(traits.VendorId, 1, 0xfffe);
        Assert.InRange(traits.ClassCode, 0u, 0xff_ffffu);
        var registers = new HashSet<int>();
        foreach (PciBarTraits bar in traits.Bars)
        {
            Assert.True(registers.Add(bar.Index), $"two BARs have register {bar.Index}");
            if (bar.Kind == PciBarKind.Memory64) Assert.True(registers.Add(bar.Index + 1), $"two BARs have register {bar.Index + 1}");
            Assert.InRange(bar.Size, 1ul, bar.Kind == PciBarKind.Io ? 1ul << 16 : 1ul << 62);
            Assert.False(bar is { Kind: PciBarKind.Io, Prefetchable: true }, "ports are never prefetchable");
        }

        Assert.All(registers, register => Assert.InRange(register, 0, 5));
        if (traits.Msix is { } msix) Assert.InRange(msix.Vectors, 1, 2048);
        Assert.True(traits.OwnedConfig.Count == 0 || rig.Device is IPciConfigSpace, "registers of its own need IPciConfigSpace");
        foreach (PciConfigRange range in traits.OwnedConfig)
        {
            Assert.Equal(0, (range.Offset | range.Length) & 3);
            Assert.InRange(range.Offset, 0x40, 0xffc);
            Assert.InRange(range.Length, 4, 0x1000 - range.Offset);
        }
    }

    [Fact]
    public void Memory_and_doorbells_lie_in_its_memory_bars()
    {
        using var rig = new Rig(this);
        foreach (PciBarMemory memory in (rig.Device as IPciMemoryBars)?.BarMemory ?? [])
        {
            PciBarTraits bar = Assert.Single(rig.Traits.Bars, bar => bar.Index == memory.Bar && bar.Kind != PciBarKind.Io);
            Assert.Equal(0ul, (memory.Offset | memory.Mapping.Length) % 4096);
            Assert.InRange(memory.Mapping.Length, 4096ul, bar.Size);
            Assert.InRange(memory.Offset, 0ul, bar.Size - memory.Mapping.Length);
            Assert.True(memory.Mapping.Handle is { IsInvalid: false, IsClosed: false } && memory.Mapping.Handle.DangerousGetHandle() % 4096 == 0);
            Assert.True(memory.Mapping.Mend is null || !memory.Mapping.Mend(), "nothing is lost, so there is nothing to mend");
        }

        foreach (PciDoorbell bell in (rig.Device as IPciDoorbells)?.Doorbells ?? [])
        {
            PciBarTraits bar = Assert.Single(rig.Traits.Bars, bar => bar.Index == bell.Bar && bar.Kind != PciBarKind.Io);
            Assert.InRange(bell.Offset, 0ul, bar.Size - 1);
            Assert.IsType<Plugvisor.Linux.Events.EventFd>(bell.Event);
            Assert.False(rig.IsMemory(bell.Bar, bell.Offset, 1), "a doorbell lies in memory");
        }
    }

    [Fact]
    public void Every_access_inside_the_bars_is_taken()
    {
        using var rig = new Rig(this);
        rig.AccessAll(new Random(1));
        rig.Healthy();
    }

    [Fact]
    public void Accesses_of_several_vcpus_may_come_at_once()
    {
        using var rig = new Rig(this);
        var errors = new List<Exception>();
        var threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            var random = new Random(i);
            threads[i] = new Thread(() =>
            {
                try
                {
                    rig.AccessAll(random);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    lock (errors) errors.Add(e);
                }
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        Assert.Empty(errors);
        rig.Healthy();
    }

    [Fact]
    public void Registers_of_its_own_take_every_mask()
    {
        using var rig = new Rig(this);
        if (rig.Device is not IPciConfigSpace space) return;
        var random = new Random(2);
        foreach (PciConfigRange range in rig.Traits.OwnedConfig)
        {
            for (int offset = range.Offset; offset < range.Offset + range.Length; offset += 4)
            {
                for (int bytes = 0; bytes < 16; bytes++)
                {
                    uint mask = 0;
                    for (int i = 0; i < 4; i++) mask |= (bytes >> i & 1) != 0 ? 0xffu << 8 * i : 0;
                    space.WriteConfig(offset, (uint)random.NextInt64() & mask, mask);
                    _ = space.ReadConfig(offset);
                }
            }
        }

        rig.AccessAll(random);
        rig.Healthy();
    }

    [Fact]
    public void It_can_be_paused_and_reset_at_any_time()
    {
        using var rig = new Rig(this);
        var random = new Random(3);
        for (int i = 0; i < 10; i++)
        {
            (rig.Device as IPausable)?.Pause();
            (rig.Device as IPausable)?.Resume();
            rig.AccessAll(random);
            (rig.Device as IPciResettable)?.Reset();
        }

        rig.AccessAll(random);
        rig.Healthy();
    }

    [Fact]
    public void Disposing_ends_every_thread_and_closes_every_file()
    {
        int before = ProcessResources.OpenDescriptors;
        for (int i = 0; i < Iterations; i++)
        {
            var rig = new Rig(this, attach: i % 2 == 0);
            rig.Dispose();
            Assert.All(rig.Host.Threads, thread => Assert.False(thread.IsAlive, $"thread {thread.Name} outlived its device"));
            Assert.Empty(rig.Host.Failures);
        }

        // Other tests run beside this one, so only growth with the number of rounds is a leak, and only what stays.
        Assert.True(ProcessResources.DescriptorsFallTo(before + Iterations - 1), "descriptors are left open");
    }

    /// <summary>A device on its mock bus.</summary>
    private sealed class Rig : IDisposable
    {
        private readonly GuestMemoryMock _ram = new();

        public Rig(PciDeviceConformance suite, bool attach = true)
        {
            Host = new MockDeviceHost(_ram);
            suite.Prepare(Host);
            Device = suite.Create(Host);
            Traits = Device.Traits;
            if (attach) Device.Attach(new MockPciTransport(Traits.Msix?.Vectors ?? 0));
        }

        public MockDeviceHost Host { get; private set; }

        public IPciDevice Device { get; private set; }

        public PciTraits Traits { get; private set; }

        /// <summary>The device's world once more, for another instance.</summary>
        public MockDeviceHost AnotherHost(PciDeviceConformance suite)
        {
            var host = new MockDeviceHost(_ram);
            suite.Prepare(host);
            return host;
        }

        /// <summary>Has another instance take over, as the host does.</summary>
        public void Replace(PciDeviceConformance suite)
        {
            IPciDevice former = Device;
            var saved = (ISnapshottable)former;
            var giver = former as IHandsOver;
            (former as IPausable)?.Pause();
            MockDeviceHost host = AnotherHost(suite);
            Device = suite.CreateSuccessor(host, saved.Save(), giver?.Handover ?? []);
            Traits = Device.Traits;
            Device.Attach(new MockPciTransport(Traits.Msix?.Vectors ?? 0));
            (Device as IPausable)?.Pause();
            giver?.HandedOver();
            (Device as IHandsOver)?.TookOver();
            former.Dispose();
            (Device as IPausable)?.Resume();
            Assert.All(Host.Threads, thread => Assert.False(thread.IsAlive, $"thread {thread.Name} outlived its device"));
            Assert.Empty(Host.Failures);
            Host = host;
        }

        /// <summary>Reads and writes of every width at every offset (of a large BAR, at both ends), with random values.</summary>
        public void AccessAll(Random random)
        {
            byte[] data = new byte[8];
            foreach (PciBarTraits bar in Traits.Bars)
            {
                for (ulong offset = 0; offset < bar.Size; offset++)
                {
                    if (offset == LookedAt && bar.Size > 2 * LookedAt) offset = bar.Size - LookedAt;
                    for (int width = 1; width <= 8 && offset + (ulong)width <= bar.Size; width++)
                    {
                        if (IsMemory(bar.Index, offset, (ulong)width)) continue;   // the host's, no access comes
                        data.AsSpan().Fill(0xff);
                        Device.ReadBar(bar.Index, offset, data.AsSpan(0, width));
                        random.NextBytes(data);
                        Device.WriteBar(bar.Index, offset, data.AsSpan(0, width));
                    }
                }
            }
        }

        /// <summary>Whether memory of the device lies in a part of a BAR.</summary>
        public bool IsMemory(int bar, ulong offset, ulong length) => Device is IPciMemoryBars { BarMemory: var parts }
            && parts.Any(part => part.Bar == bar && part.Offset < offset + length && offset < part.Offset + part.Mapping.Length);

        public void Healthy() => Assert.Empty(Host.Failures);

        public void Dispose()
        {
            Device.Dispose();
            _ram.Dispose();
        }
    }
}
