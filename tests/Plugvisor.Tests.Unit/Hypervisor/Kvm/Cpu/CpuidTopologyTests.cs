using Plugvisor.Hypervisor.Kvm.Cpu;
using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Hypervisor.X86;
using Xunit;

namespace Plugvisor.Tests.Unit.Hypervisor.Kvm.Cpu;

public sealed class CpuidTopologyTests
{
    private const uint Intel = 0x756e_6547, Amd = 0x6874_7541;
    private const uint HyperThreading = 1u << 28;

    // Threads 1 bit, cores 2 bits, dies 1 bit; vCPU 29 is package 2, die 0, core 2, thread 1.
    private static readonly CpuTopology Odd = new(ThreadsPerCore: 2, CoresPerDie: 3, DiesPerPackage: 2, Packages: 3);
    private static readonly uint ApicId = ApicIds.Of(29, Odd);

    [Fact]
    public void Leaf_1_has_the_apic_id_and_the_processors_of_a_package()
    {
        CpuidTable table = Make(Intel, maxBasic: 0x16);
        CpuidTopology.Apply(table, ApicId, Odd);

        Assert.Equal(0b10_0_10_1u, ApicId);
        Assert.Equal((ApicId << 24) | (12u << 16) | 0x0842, table.Leaf(1).Ebx);
        Assert.Equal(HyperThreading, table.Leaf(1).Edx & HyperThreading);
    }

    [Fact]
    public void Without_a_topology_each_vcpu_is_a_package()
    {
        CpuidTable table = Make(Intel, maxBasic: 0x16);
        CpuidTopology.Apply(table, 3, null);

        Assert.Equal((3u << 24) | (1u << 16) | 0x0842, table.Leaf(1).Ebx);
        Assert.Equal(0u, table.Leaf(1).Edx & HyperThreading);
        Assert.Equal((0u, 1u, 0x100u, 3u), Level(table, 0xb, 0));
        Assert.Equal((0u, 1u, 0x201u, 3u), Level(table, 0xb, 1));
    }

    [Fact]
    public void Leaf_b_names_threads_and_cores()
    {
        CpuidTable table = Make(Intel, maxBasic: 0x16);
        CpuidTopology.Apply(table, ApicId, Odd with { DiesPerPackage = 1 });

        Assert.Equal((1u, 2u, 0x100u, ApicId), Level(table, 0xb, 0));
        Assert.Equal((3u, 6u, 0x201u, ApicId), Level(table, 0xb, 1));
        Assert.False(table.Has(0xb, 2));
        Assert.False(table.Has(0x1f));
    }

    [Fact]
    public void Leaf_1f_appears_for_dies_on_an_intel_processor()
    {
        CpuidTable table = Make(Intel, maxBasic: 0x16);
        CpuidTopology.Apply(table, ApicId, Odd);

        Assert.Equal(0x1fu, table.MaxBasic);
        Assert.Equal((1u, 2u, 0x100u, ApicId), Level(table, 0x1f, 0));
        Assert.Equal((3u, 6u, 0x201u, ApicId), Level(table, 0x1f, 1));
        Assert.Equal((4u, 12u, 0x502u, ApicId), Level(table, 0x1f, 2));
    }

    [Fact]
    public void The_host_s_own_leaf_1f_is_replaced()
    {
        CpuidTable table = Make(Intel, maxBasic: 0x20);
        for (uint i = 0; i < 6; i++) table.Leaf(0x1f, i, indexed: true).Edx = 77;
        CpuidTopology.Apply(table, 1, new CpuTopology(1, 4, 1, 1));

        Assert.Equal((0u, 1u, 0x100u, 1u), Level(table, 0x1f, 0));
        Assert.Equal((2u, 4u, 0x201u, 1u), Level(table, 0x1f, 1));
        Assert.False(table.Has(0x1f, 3));
    }

    [Fact]
    public void Intel_caches_are_shared_by_core_and_die()
    {
        CpuidTable table = Make(Intel, maxBasic: 0x16);
        table.Leaf(4, 0, indexed: true).Eax = 0xfc00_4121;   // L1 data
        table.Leaf(4, 1, indexed: true).Eax = 0xfc01_c163;   // L3
        table.Leaf(4, 2, indexed: true).Eax = 0;
        CpuidTopology.Apply(table, ApicId, Odd);

        Assert.Equal((7u << 26) | (1u << 14) | 0x0121, table.Leaf(4, 0).Eax);
        Assert.Equal((7u << 26) | (7u << 14) | 0x0163, table.Leaf(4, 1).Eax);
        Assert.Equal(0u, table.Leaf(4, 2).Eax);
    }

    [Fact]
    public void Amd_leaves_say_id_core_die_and_sharing()
    {
        CpuidTable table = Make(Amd, maxBasic: 0x10);
        table.Leaf(0x8000_001d, 0, indexed: true).Eax = 0x0121;
        table.Leaf(0x8000_001d, 3, indexed: true).Eax = 0x4163;
        CpuidTopology.Apply(table, ApicId, Odd);

        Assert.Equal(2u, table.Leaf(0x8000_0001).Ecx & 2);
        Assert.Equal((4u << 12) | 11, table.Leaf(0x8000_0008).Ecx);
        Assert.Equal((1u << 14) | 0x0121, table.Leaf(0x8000_001d, 0).Eax);
        Assert.Equal((7u << 14) | 0x0163, table.Leaf(0x8000_001d, 3).Eax);
        KvmCpuidEntry place = table.Leaf(0x8000_001e);
        Assert.Equal(ApicId, place.Eax);
        Assert.Equal((1u << 8) | ((ApicId >> 1) & 0xff), place.Ebx);
        Assert.Equal((1u << 8) | 4, place.Ecx);               // die 0 of package 2, two dies a package
        Assert.False(table.Has(0x1f));
    }

    [Fact]
    public void Ids_beyond_255_are_whole_where_the_leaf_has_room()
    {
        CpuidTable table = Make(Amd, maxBasic: 0x10);
        CpuidTopology.Apply(table, 0x1234, new CpuTopology(2, 4096, 1, 1));

        Assert.Equal((0x34u << 24) | (255u << 16) | 0x0842, table.Leaf(1).Ebx);
        Assert.Equal(0x1234u, table.Leaf(0xb, 1).Edx);
        Assert.Equal(0x1234u, table.Leaf(0x8000_001e).Eax);
        Assert.Equal(255u, table.Leaf(0x8000_0008).Ecx & 0xff);
    }

    private static CpuidTable Make(uint vendor, uint maxBasic)
    {
        var table = new CpuidTable([]);
        ref KvmCpuidEntry highest = ref table.Leaf(0);
        highest.Eax = maxBasic;
        highest.Ebx = vendor;
        table.Leaf(1).Ebx = 0xaabb_0842;
        table.Leaf(0x8000_0000).Eax = vendor == Amd ? 0x8000_0021 : 0x8000_0008;
        return table;
    }

    private static (uint Shift, uint Processors, uint Type, uint Id) Level(CpuidTable table, uint leaf, uint index)
    {
        Assert.True(table.Has(leaf, index));
        KvmCpuidEntry entry = table.Leaf(leaf, index);
        return (entry.Eax, entry.Ebx, entry.Ecx, entry.Edx);
    }
}
