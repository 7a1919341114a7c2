using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Devices;

/// <summary>What <c>vm.info</c> shows of a device (interface reference section 6).</summary>
public sealed class DeviceTreeTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_virtio_device_is_a_node_below_the_node_of_its_pci_side()
    {
        GuestDriver guest = _machine.Add(new FakeVirtioDevice(), "_disk0");
        IReadOnlyList<DeviceTreeNode> nodes = guest.Device.DescribeTree();
        Assert.Equal(["_virtio-pci-_disk0", "_disk0"], nodes.Select(node => node.Id));

        Assert.Null(nodes[0].Parent);
        Assert.Equal(["_disk0"], nodes[0].Children);
        Assert.Equal("0000:00:01.0", nodes[0].PciAddress);
        PciBarResource bar = Assert.Single(nodes[0].Bars);
        Assert.Equal(new PciBarResource(0, 0x80_0000_0000, 0x80000, PciBarKind.Memory64, false), bar);

        Assert.Equal("_virtio-pci-_disk0", nodes[1].Parent);
        Assert.Empty(nodes[1].Children);
        Assert.Null(nodes[1].PciAddress);
        Assert.Empty(nodes[1].Bars);
    }

    [Fact]
    public void A_bar_is_shown_where_the_guest_has_moved_it_also_while_it_does_not_answer()
    {
        GuestDriver guest = _machine.Add(new FakeVirtioDevice());
        guest.WritePci(4, 0, 2);
        guest.WritePci(0x14, 0x81, 4);
        Assert.Equal(0x81_0000_0000u, guest.Device.DescribeTree()[0].Bars[0].Base);
        guest.WritePci(4, 2, 2);
        Assert.Equal(0x81_0000_0000u, guest.Device.DescribeTree()[0].Bars[0].Base);
    }

    [Fact]
    public void A_device_that_was_removed_has_no_address()
    {
        GuestDriver guest = _machine.Add(new FakeVirtioDevice());
        Assert.True(guest.Device.Remove());
        Assert.True(guest.Device.Remove());
        Assert.Null(guest.Device.DescribeTree()[0].PciAddress);
    }
}
