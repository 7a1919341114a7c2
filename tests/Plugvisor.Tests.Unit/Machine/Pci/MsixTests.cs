using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>MSI-X of a virtio device with two queues, so three vectors.</summary>
public sealed class MsixTests : IDisposable
{
    private const ulong Address = 0xFEE0_1000;

    private readonly VirtioPciMachine _machine = new();
    private readonly FakeVirtioDevice _device = new();
    private readonly GuestDriver _guest;

    public MsixTests() => _guest = _machine.Add(_device);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_capability_tells_the_number_of_vectors_and_where_they_are()
    {
        int capability = _guest.Capability(0x11);
        Assert.Equal(2u, _guest.ReadPci(capability + 2, 2));
        Assert.Equal(0x8000u, _guest.ReadPci(capability + 4));
        Assert.Equal(0x48000u, _guest.ReadPci(capability + 8));
        _guest.WritePci(capability + 2, 0xffff, 2);
        Assert.Equal(0xc002u, _guest.ReadPci(capability + 2, 2));
    }

    [Fact]
    public void Enabling_msix_with_all_vectors_set_changes_the_kernels_table_once()
    {
        for (int i = 0; i < 3; i++) _guest.SetVector(i, Address + (ulong)i * 0x1000, 0x40u + (uint)i);
        Assert.Empty(_machine.Vm.Routes);
        _guest.EnableMsix();
        Assert.Equal(1, _machine.Vm.RouteCommits);
        Assert.Equal([(Address, 0x40u), (Address + 0x1000, 0x41u), (Address + 0x2000, 0x42u)], _machine.Vm.Routes.Select(r => (r.Address, r.Data)));
        Assert.Equal(_machine.Vm.Routes.Select(r => r.Gsi), _machine.Vm.IrqFds.Keys.Order());
    }

    [Fact]
    public void As_linux_does_it_masked_function_then_one_vector_after_the_other()
    {
        _guest.EnableMsix(enabled: true, allMasked: true);
        for (int i = 0; i < 3; i++) _guest.SetVector(i, 0, 0, masked: true);
        _guest.EnableMsix(enabled: true, allMasked: false);
        Assert.Empty(_machine.Vm.IrqFds);
        _guest.SetVector(1, Address, 0x31, masked: true);
        Assert.Empty(_machine.Vm.IrqFds);
        _guest.Mask(1, false);
        Assert.Single(_machine.Vm.IrqFds);
        Assert.Equal(1, _machine.Vm.RouteCommits);

        // The same message again, as after an affinity change to the same CPU: no new table.
        _guest.Mask(1, true);
        Assert.Empty(_machine.Vm.IrqFds);
        _guest.Mask(1, false);
        Assert.Single(_machine.Vm.IrqFds);
        Assert.Equal(1, _machine.Vm.RouteCommits);
        Assert.Empty(_machine.Log.Lines);
    }

    [Fact]
    public void A_message_that_changes_while_the_vector_is_unmasked_is_routed_anew()
    {
        _guest.EnableMsix();
        _guest.SetVector(0, Address, 0x31);
        uint gsi = Assert.Single(_machine.Vm.Routes).Gsi;
        _guest.Write(GuestDriver.MsixTable + 8, 4, 0x77);
        Assert.Equal((gsi, Address, 0x77u), Assert.Single(_machine.Vm.Routes.Select(r => (r.Gsi, r.Address, r.Data))));
        Assert.Equal(gsi, Assert.Single(_machine.Vm.IrqFds.Keys));
    }

    [Fact]
    public void An_interrupt_of_a_masked_vector_is_pending_and_is_sent_once_when_it_is_unmasked()
    {
        StartWithVector(1);
        _guest.Mask(1, true);
        Assert.Equal(0ul, _guest.Read(GuestDriver.MsixPending, 8));
        _device.Queues[0].Interrupt.Signal();
        _device.Queues[0].Interrupt.Signal();
        Assert.Equal(2ul, _guest.Read(GuestDriver.MsixPending, 8));
        Assert.Equal(2ul, _guest.Read(GuestDriver.MsixPending, 1));
        _guest.Mask(1, false);
        Assert.Equal(0ul, _guest.Read(GuestDriver.MsixPending, 8));
        Assert.Equal(1ul, Assert.Single(_machine.Vm.IrqFds).Value.Drain());   // the fake kernel leaves the eventfd to us
    }

    [Fact]
    public void The_function_mask_holds_all_interrupts_back()
    {
        StartWithVector(1);
        _guest.EnableMsix(enabled: true, allMasked: true);
        Assert.Empty(_machine.Vm.IrqFds);
        _device.Queues[0].Interrupt.Signal();
        Assert.Equal(2ul, _guest.Read(GuestDriver.MsixPending, 8));
        _guest.EnableMsix();
        Assert.Equal(1ul, Assert.Single(_machine.Vm.IrqFds).Value.Drain());
    }

    [Fact]
    public void A_bound_vector_is_one_write_to_its_eventfd()
    {
        StartWithVector(2);
        _device.Queues[0].Interrupt.Signal();
        Assert.Equal(1ul, Assert.Single(_machine.Vm.IrqFds).Value.Drain());
        Assert.Empty(_machine.Vm.Messages);
    }

    [Theory]
    [InlineData(0x0000_1000ul)]             // RAM
    [InlineData(0xFED0_0000ul)]
    [InlineData(0x0000_00FF_FEE0_0000ul)]   // the kernel would refuse the whole table
    [InlineData(ulong.MaxValue)]
    public void A_message_that_is_no_interrupt_is_never_routed_and_hurts_no_other_device(ulong address)
    {
        GuestDriver other = _machine.Add(new FakeVirtioDevice(), "other");
        other.EnableMsix();
        other.SetVector(0, Address, 0x50);
        _guest.EnableMsix();
        _guest.SetVector(0, address, 0x31);
        Assert.Equal(Address, Assert.Single(_machine.Vm.Routes).Address);
        Assert.Single(_machine.Vm.IrqFds);
        Assert.Contains("no interrupt message", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        _guest.SetVector(0, Address, 0x31);
        Assert.Equal(2, _machine.Vm.IrqFds.Count);
    }

    [Fact]
    public void Removal_unbinds_everything_and_gives_the_interrupts_back()
    {
        StartWithVector(1);
        Assert.NotEmpty(_machine.Vm.Doorbells);
        Assert.True(_guest.Device.Remove());
        Assert.Empty(_machine.Vm.IrqFds);
        Assert.Empty(_machine.Vm.Doorbells);
        Assert.Empty(_machine.Vm.Routes);
    }

    /// <summary>Case 26.</summary>
    [Fact]
    public void Hostile_26_odd_writes_to_the_table_and_any_to_the_pending_bits_change_nothing()
    {
        _guest.SetVector(1, Address, 0x31, masked: true);
        ulong before = _guest.Read(GuestDriver.MsixTable + 16, 8), after = _guest.Read(GuestDriver.MsixTable + 24, 8);
        foreach (int width in (int[])[1, 2, 3, 5, 6, 7]) for (ulong i = 0; i < 16; i++) _guest.Write(GuestDriver.MsixTable + 16 + i, width, ulong.MaxValue);
        foreach (ulong misaligned in (ulong[])[1, 2, 3, 5, 6, 7]) _guest.Write(GuestDriver.MsixTable + 16 + misaligned, 4, ulong.MaxValue);
        _guest.Write(GuestDriver.MsixTable + 20, 8, ulong.MaxValue);
        for (int width = 1; width <= 8; width++) _guest.Write(GuestDriver.MsixPending, width, ulong.MaxValue);
        Assert.Equal(before, _guest.Read(GuestDriver.MsixTable + 16, 8));
        Assert.Equal(after, _guest.Read(GuestDriver.MsixTable + 24, 8));
        Assert.Equal(0ul, _guest.Read(GuestDriver.MsixPending, 8));

        // Behind the last vector there is nothing.
        _guest.Write(GuestDriver.MsixTable + 48, 4, 1);
        Assert.Equal(0xffff_fffful, _guest.Read(GuestDriver.MsixTable + 48, 4));
        Assert.Equal(0xffff_fffful, _guest.Read(GuestDriver.MsixPending + 8, 4));
    }

    [Fact]
    public void Aligned_dwords_and_quadwords_write_the_table_and_every_width_reads_it()
    {
        _guest.Write(GuestDriver.MsixTable, 8, Address);
        _guest.Write(GuestDriver.MsixTable + 8, 8, 0x0000_0001_0000_0044);
        Assert.Equal(Address, _guest.Read(GuestDriver.MsixTable, 8));
        Assert.Equal(0x44ul, _guest.Read(GuestDriver.MsixTable + 8, 4));
        Assert.Equal(1ul, _guest.Read(GuestDriver.MsixTable + 12, 4));
        Assert.Equal(0xE010ul, _guest.Read(GuestDriver.MsixTable + 1, 2));
        _guest.Write(GuestDriver.MsixTable + 12, 4, 0xffff_fffe);
        Assert.Equal(0ul, _guest.Read(GuestDriver.MsixTable + 12, 4));
    }

    private void StartWithVector(ushort vector)
    {
        _guest.EnableMsix();
        _guest.SetVector(vector, Address, 0x31);
        _guest.Negotiate();
        _guest.SetUpQueue(0, vector: vector);
        _guest.SetStatus(_guest.StatusNow | GuestDriver.DriverOk);
        _machine.Vm.IrqFds.Single().Value.Drain();
    }
}
