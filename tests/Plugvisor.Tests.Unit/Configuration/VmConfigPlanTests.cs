using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration;
using Xunit;

namespace Plugvisor.Tests.Unit.Configuration;

public sealed class VmConfigPlanTests
{
    private const string Kernel = "\"payload\":{\"kernel\":\"/k\"}";

    [Fact]
    public void Devices_without_an_id_get_one_in_slot_order_and_keep_their_place_in_the_document()
    {
        VmConfigPlan plan = Plan("\"rng\":{\"src\":\"/dev/random\"},\"disks\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"id\":\"_disk0\"},{\"path\":\"/c\"}]");
        Assert.Equal(["__console", "_disk1", "_disk0", "_disk2", "__rng"], plan.Devices.Select(device => device.Id));
        Assert.Equal(["__rng", "_disk1", "_disk0", "_disk2", "__console"], plan.Config.Devices.Select(device => device.Id));
    }

    [Fact]
    public void A_device_that_is_switched_off_stays_in_the_document_only()
    {
        VmConfigPlan plan = Plan("\"console\":{\"mode\":\"Off\"}");
        Assert.DoesNotContain(plan.Devices, device => device.Kind == "console");
        Assert.Contains(plan.Config.Devices, device => device.Kind == "console");
    }

    [Fact]
    public void Planning_again_changes_nothing()
    {
        VmConfigPlan once = Plan("\"disks\":[{\"path\":\"/a\"},{\"path\":\"/b\"}]");
        Assert.Equal(once.Devices.Select(device => device.Id), VmConfigPlan.Make(once.Config).Devices.Select(device => device.Id));
    }

    [Fact]
    public void All_prefixes_share_a_counter_that_a_later_plan_goes_on_with()
    {
        VmConfigPlan boot = Plan("\"disks\":[{\"path\":\"/a\"}],\"net\":[{}],\"fs\":[{\"tag\":\"a\",\"shared_dir\":\"/\"}]");
        Assert.Equal(["__console", "_disk0", "_net1", "__rng", "_fs2"], boot.Devices.Select(device => device.Id));
        VmConfig more = boot.Config.With([.. boot.Config.Devices, new DeviceSpec(boot.Config.Devices.First(device => device.Kind == "net").Schema, JsonElement.Parse("{}"))]);
        VmConfigPlan added = VmConfigPlan.Make(more, firstNumber: boot.NextNumber);
        Assert.Equal("_net3", added.Config.Devices[^1].Id);
        Assert.Equal(4u, added.NextNumber);
    }

    [Theory]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"id\":\"x\"},{\"path\":\"/b\",\"id\":\"x\"}]", "Identifier x is not unique")]
    [InlineData("\"rate_limit_groups\":[{\"id\":\"x\",\"rate_limiter_config\":{\"ops\":{\"size\":1,\"refill_time\":1}}}],\"disks\":[{\"path\":\"/a\",\"id\":\"x\"}]",
        "Identifier x is not unique")]
    [InlineData("\"memory\":{\"size\":0,\"zones\":[{\"id\":\"x\",\"size\":4096},{\"id\":\"x\",\"size\":4096}]}", "Identifier x is not unique")]
    public void A_name_that_is_used_twice_is_a_conflict(string members, string text) =>
        Assert.Equal(text, Assert.Throws<ConfigConflictException>(() => Plan(members)).Message);

    [Theory]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"id\":\"__x\"}]", "Identifier __x is not valid")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"id\":\"_virtio-pci-__rng\"}]", "Identifier _virtio-pci-__rng is not valid")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"id\":\"a\\nERROR b\"}]", "Identifier a\nERROR b is not valid")]
    [InlineData("\"disks\":[{\"path\":\"/a\\u0000b\"}]", "Path contains a NUL character")]
    [InlineData("\"fs\":[{\"tag\":\"a\",\"shared_dir\":\"/\",\"iommu\":true}]", "Device does not support being placed behind IOMMU")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"iommu\":true}]", "device disk: the virtual IOMMU is not there yet: use iommu=off")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"pci_device_id\":32}]", "Given PCI device ID (32) is out of the supported range of 0..32")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"pci_device_id\":0}]", "Given PCI device ID (0) is reserved")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"pci_segment\":1}]", "Invalid PCI segment id: 1")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"num_queues\":2}]", "Queue count (2) must not exceed boot vCPUs (1)")]
    [InlineData("\"disks\":[{\"path\":\"/a\",\"serial\":\"123456789012345678901\"}]", "Block device serial length (21) exceeds maximum allowed length (20)")]
    [InlineData("\"cpus\":{\"boot_vcpus\":4,\"max_vcpus\":2}", "Max CPUs (2) lower than boot CPUs (4)")]
    [InlineData("\"memory\":{\"size\":1,\"mergeable\":true,\"shared\":true}", "Invalid to set both 'mergeable' and 'shared' for memory")]
    [InlineData("\"memory\":{\"size\":1,\"hugepage_size\":3}", "Huge page size specified but huge pages not enabled")]
    [InlineData("\"serial\":{\"mode\":\"File\"}", "Path missing when using file console mode")]
    [InlineData("\"platform\":{\"num_pci_segments\":97}", "Number of PCI segments (97) not in range of 1 to 96")]
    [InlineData("\"platform\":{\"num_pci_segments\":2,\"iommu_segments\":[2]}", "Invalid PCI segment id: 2")]
    [InlineData("\"platform\":{\"num_pci_segments\":2,\"iommu_segments\":[0]}", "Device is on an IOMMU PCI segment (0) but not placed behind IOMMU")]
    [InlineData("\"pci_segments\":[{\"pci_segment\":1}]", "Invalid PCI segment id: 1")]
    [InlineData("\"pci_segments\":[{\"mmio64_aperture_weight\":0}]", "Invalid PCI segment aperture weight: 0")]
    [InlineData("\"numa\":[{\"guest_numa_id\":0,\"memory_zones\":[\"z\"]},{\"guest_numa_id\":1,\"memory_zones\":[\"z\"]}]",
        "Memory zone: z belongs to multiple NUMA nodes: 0 and 1")]
    [InlineData("\"platform\":{\"num_pci_segments\":2},\"numa\":[{\"guest_numa_id\":0,\"pci_segments\":[1]},{\"guest_numa_id\":3,\"pci_segments\":[1]}]",
        "PCI segment: 1 belongs to multiple NUMA nodes 0 and 3")]
    [InlineData("\"numa\":[{\"guest_numa_id\":1,\"pci_segments\":[0]}]", "Default PCI segment assigned to non-zero NUMA node 1")]
    [InlineData("\"numa\":[{\"guest_numa_id\":1}]", "NUMA node 1 has no vCPUs, memory zones, PCI segments, distances or device")]
    [InlineData("\"landlock_rules\":[{\"path\":\"/nowhere/at/all\",\"access\":\"r\"}]", "Path /nowhere/at/all provided in landlock-rules does not exist")]
    [InlineData("\"landlock_rules\":[{\"path\":\"/\",\"access\":\"x\"}]", "Invalid landlock access: x")]
    [InlineData("\"memory\":{\"size\":0,\"zones\":[{\"id\":\"z\",\"size\":1,\"hugepage_size\":6,\"hugepages\":true}]}", "Huge page size is not power of 2: 6")]
    [InlineData("\"memory\":{\"size\":0}", "Memory size is 0 and there are no memory zones")]
    [InlineData("\"tpm\":{\"socket\":\"/run/swtpm\"}", "the TPM is not there yet: leave out tpm")]
    [InlineData("\"landlock_enable\":true", "Landlock is not there yet: use landlock_enable=false")]
    [InlineData("\"memory\":{\"size\":0,\"zones\":[{\"id\":\"z\",\"size\":1048576}]}", "a memory zone is not there yet: give memory.size in their place")]
    public void A_contradiction_is_refused_in_the_words_of_the_api(string members, string text) =>
        Assert.Equal(text, Assert.Throws<ConfigException>(() => Plan(members)).Message);

    [Fact]
    public void Without_a_payload_nothing_is_bootable()
    {
        ConfigException e = Assert.Throws<ConfigException>(() => VmConfigPlan.Make(VmConfigDocumentTests.Read("{}")));
        Assert.Equal("Payload configuration is not bootable", e.Message);
        Assert.Equal("No bootitem provided: neither firmware nor kernel", e.InnerException?.Message);
    }

    private static VmConfigPlan Plan(string members) => VmConfigPlan.Make(VmConfigDocumentTests.Read($"{{{Kernel},{members}}}"));
}
