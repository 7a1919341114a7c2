using Plugvisor.Hypervisor.Kvm.Cpu;
using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Hypervisor.X86;
using Xunit;

namespace Plugvisor.Tests.Unit.Hypervisor.Kvm.Cpu;

public sealed class CpuidFeaturesTests
{
    private static readonly VcpuSetup Plain = new(1, 40, null);

    [Fact]
    public void The_guest_sees_x2apic_a_hypervisor_and_no_saved_osxsave()
    {
        CpuidTable table = Full();
        CpuidFeatures.Apply(table, Plain, tscDeadline: false);

        Assert.Equal(0xffff_ffff & ~(1u << 27), table.Leaf(1).Ecx);
        table.Leaf(1).Ecx = 0;
        CpuidFeatures.Apply(table, Plain, tscDeadline: false);
        Assert.Equal((1u << 21) | (1u << 31), table.Leaf(1).Ecx);
        CpuidFeatures.Apply(table, Plain, tscDeadline: true);
        Assert.Equal((1u << 21) | (1u << 24) | (1u << 31), table.Leaf(1).Ecx);
    }

    [Fact]
    public void Nested_virtualization_can_be_hidden()
    {
        CpuidTable table = Full();
        CpuidFeatures.Apply(table, Plain, tscDeadline: true);
        Assert.NotEqual(0u, table.Leaf(1).Ecx & (1u << 5));
        Assert.NotEqual(0u, table.Leaf(0x8000_0001).Ecx & (1u << 2));
        Assert.True(table.Has(0x8000_000a));

        CpuidFeatures.Apply(table, Plain with { NestedVirtualization = false }, tscDeadline: true);

        Assert.Equal(0u, table.Leaf(1).Ecx & (1u << 5));
        Assert.Equal(0u, table.Leaf(0x8000_0001).Ecx & (1u << 2));
        Assert.False(table.Has(0x8000_000a));
    }

    [Fact]
    public void Amx_is_there_only_when_asked_for()
    {
        const uint amx = (1u << 22) | (1u << 24) | (1u << 25), tiles = 3u << 17;
        CpuidTable table = Full();
        CpuidFeatures.Apply(table, Plain with { Amx = true }, tscDeadline: true);
        Assert.Equal((amx, tiles), (table.Leaf(7).Edx & amx, table.Leaf(0xd).Eax & tiles));
        Assert.True(table.Has(0x1d));

        CpuidFeatures.Apply(table, Plain, tscDeadline: true);

        Assert.Equal((0u, 0u), (table.Leaf(7).Edx & amx, table.Leaf(0xd).Eax & tiles));
        Assert.False(table.Has(0x1d));
    }

    [Fact]
    public void Physical_address_bits_are_the_machine_s()
    {
        CpuidTable table = Full();
        CpuidFeatures.Apply(table, Plain, tscDeadline: true);

        Assert.Equal(0xff00_ff28, table.Leaf(0x8000_0008).Eax);
    }

    [Fact]
    public void Sgx_is_hidden()
    {
        CpuidTable table = Full();
        CpuidFeatures.Apply(table, Plain, tscDeadline: true);

        Assert.Equal(0u, table.Leaf(7).Ebx & (1u << 2));
        Assert.False(table.Has(0x12));
    }

    [Fact]
    public void Removing_a_leaf_keeps_the_others()
    {
        CpuidTable table = Full();
        int before = table.Count;
        table.Remove(7);

        Assert.Equal(before - 2, table.Count);
        Assert.True(table.Has(0x8000_0008));
        Assert.False(table.Has(7, 1));
    }

    private static CpuidTable Full()
    {
        var table = new CpuidTable([]);
        foreach ((uint function, uint index, bool indexed) in new[]
        {
            (0u, 0u, false), (1u, 0u, false), (7u, 0u, true), (7u, 1u, true), (0xdu, 0u, true), (0x12u, 0u, true), (0x1du, 0u, true),
            (0x8000_0000u, 0u, false), (0x8000_0001u, 0u, false), (0x8000_0008u, 0u, false), (0x8000_000au, 0u, false),
        })
        {
            ref KvmCpuidEntry entry = ref table.Leaf(function, index, indexed);
            entry.Eax = entry.Ebx = entry.Ecx = entry.Edx = 0xffff_ffff;
        }

        table.Leaf(0x8000_0000).Eax = 0x8000_000a;
        return table;
    }
}
