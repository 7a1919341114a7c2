using Plugvisor.Hypervisor.X86;
using Xunit;

namespace Plugvisor.Tests.Unit.Hypervisor.X86;

public sealed class ApicIdsTests
{
    [Fact]
    public void Without_a_topology_the_id_is_the_index() => Assert.Equal(300u, ApicIds.Of(300, null));

    [Theory]
    [InlineData(0, 0b000_0_00_0)]
    [InlineData(1, 0b000_0_00_1)]
    [InlineData(2, 0b000_0_01_0)]
    [InlineData(5, 0b000_0_10_1)]
    [InlineData(6, 0b000_1_00_0)]     // three cores leave a gap
    [InlineData(12, 0b001_0_00_0)]
    [InlineData(35, 0b010_1_10_1)]
    public void Each_level_has_its_own_bits(uint index, uint id) =>
        Assert.Equal(id, ApicIds.Of(index, new CpuTopology(ThreadsPerCore: 2, CoresPerDie: 3, DiesPerPackage: 2, Packages: 3)));

    [Fact]
    public void A_level_of_one_takes_no_bits() => Assert.Equal(5u, ApicIds.Of(5, new CpuTopology(1, 1, 1, 8)));

    [Fact]
    public void All_ids_of_a_topology_differ()
    {
        var topology = new CpuTopology(2, 5, 3, 7);
        var seen = new HashSet<uint>();
        for (uint i = 0; i < 2 * 5 * 3 * 7; i++) Assert.True(seen.Add(ApicIds.Of(i, topology)));
    }
}
