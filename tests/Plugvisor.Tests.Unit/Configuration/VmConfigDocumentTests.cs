using System.Buffers;
using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration;
using Plugvisor.Tests.Unit.Plugins;
using Xunit;

namespace Plugvisor.Tests.Unit.Configuration;

public sealed class VmConfigDocumentTests
{
    [Fact]
    public void An_empty_document_gives_the_defaults_and_the_devices_that_are_always_there()
    {
        const string Expected = """
            {"cpus":{"boot_vcpus":1,"max_vcpus":1,"kvm_hyperv":false,"max_phys_bits":46,"nested":true,"core_scheduling":"Vm","profile":"Host"},
            "memory":{"size":536870912,"mergeable":false,"hotplug_method":"Acpi","shared":false,"hugepages":false,"prefault":false,"reserve":false,"thp":true},
            "serial":{"mode":"Null"},"debug_console":{"mode":"Off","iobase":233},"iommu":false,"landlock_enable":false,
            "console":{"pci_segment":0,"mode":"Tty"},"rng":{"pci_segment":0,"src":"/dev/urandom"},"watchdog":false,"pvpanic":false}
            """;
        Assert.Equal(Expected.ReplaceLineEndings(""), Round("{}"));
    }

    [Fact]
    public void What_was_given_is_kept_and_unknown_members_are_ignored_at_every_level()
    {
        string shown = Round(
            """
            {"cpus":{"boot_vcpus":2,"max_vcpus":4,"topology":{"threads_per_core":1,"cores_per_die":2,"dies_per_package":1,"packages":2},"colour":1},
             "memory":{"size":1073741824,"shared":true},
             "payload":{"kernel":"/k","cmdline":"console=ttyS0","nonsense":[]},
             "rate_limit_groups":[{"id":"g","rate_limiter_config":{"bandwidth":{"size":1,"refill_time":2}}}],
             "disks":[{"path":"/a","nonsense":1},{"path":"/b","id":"second","readonly":true}],
             "made_up":{"a":1}}
            """);
        Assert.Contains("\"topology\":{\"threads_per_core\":1,\"cores_per_die\":2,\"dies_per_package\":1,\"packages\":2}", shown, StringComparison.Ordinal);
        Assert.Contains("\"payload\":{\"kernel\":\"/k\",\"cmdline\":\"console=ttyS0\"}", shown, StringComparison.Ordinal);
        Assert.Contains("\"rate_limiter_config\":{\"bandwidth\":{\"size\":1,\"one_time_burst\":null,\"refill_time\":2},\"ops\":null}", shown, StringComparison.Ordinal);
        Assert.Contains("\"disks\":[{\"pci_segment\":0,\"path\":\"/a\"", shown, StringComparison.Ordinal);
        Assert.Contains("{\"id\":\"second\",\"pci_segment\":0,\"path\":\"/b\",\"readonly\":true", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("nonsense", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("made_up", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("colour", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void How_many_descriptors_there_are_is_shown_and_not_which()
    {
        VmConfig config = Read("""{"net":[{"num_queues":4}]}""");
        DeviceSpec net = config.Devices.First(device => device.Kind == "net");
        using var descriptor = new Plugvisor.Linux.Events.EventFd();
        Assert.DoesNotContain("fds", Shown(config), StringComparison.Ordinal);
        Assert.Contains("\"fds\":[-1,-1]", Shown(config.With([net with { Descriptors = [descriptor, descriptor] }])), StringComparison.Ordinal);
        Assert.Contains("\"fds\":[-1,-1]", Shown(config.With([net.WithRaw("fds", "[7,8]")])), StringComparison.Ordinal);
        Assert.DoesNotContain("fds", Round("""{"net":[{"num_queues":4,"fds":[-1,-1]}]}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_what_was_written_changes_nothing()
    {
        string once = Round("""{"cpus":{"boot_vcpus":2,"max_vcpus":2},"payload":{"firmware":"/f"},"disks":[{"path":"/a"}],"console":{"mode":"Off"}}""");
        Assert.Equal(once, Round(once));
    }

    [Theory]
    [InlineData("[]", "VmConfig")]
    [InlineData("""{"cpus":{"max_vcpus":1}}""", "boot_vcpus")]
    [InlineData("""{"cpus":{"boot_vcpus":-1,"max_vcpus":1}}""", "boot_vcpus")]
    [InlineData("""{"cpus":{"boot_vcpus":"2","max_vcpus":2}}""", "boot_vcpus")]
    [InlineData("""{"memory":{}}""", "size")]
    [InlineData("""{"disks":{}}""", "disks")]
    [InlineData("""{"disks":[1]}""", "disk")]
    [InlineData("""{"console":{"mode":"Loud"}}""", "mode")]
    [InlineData("""{"rate_limit_groups":[{"id":"g","rate_limiter_config":{"bandwith":null}}]}""", "bandwith")]
    public void A_document_of_another_shape_is_refused_in_words_that_name_the_member(string json, string member)
    {
        ConfigException e = Assert.ThrowsAny<ConfigException>(() => Read(json));
        Assert.Contains(member, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_interface_knows_and_nobody_serves_is_refused_before_boot_not_ignored()
    {
        VmConfig config = Read("""{"payload":{"kernel":"/k"},"vdpa":[{"path":"/dev/vhost-vdpa-0"}]}""");
        ConfigException e = Assert.ThrowsAny<ConfigException>(() => VmConfigPlan.Make(config));
        Assert.Contains("`vdpa` is not there yet", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_lists_and_switches_that_are_off_ask_for_nothing() =>
        Assert.Empty(Read("""{"vdpa":[],"tpm":null,"iommu":false,"landlock_enable":false}""").Unserved);

    /// <summary>A configuration that says something in every section.</summary>
    internal static VmConfig Everything => Read(
        """
        {"cpus":{"boot_vcpus":2,"max_vcpus":4,"topology":{"threads_per_core":1,"cores_per_die":2,"dies_per_package":1,"packages":2},
                 "affinity":[{"vcpu":0,"host_cpus":[0,1]}],"features":{"amx":true}},
         "memory":{"size":0,"hotplug_method":"VirtioMem","zones":[{"id":"z","size":4096,"file":"/dev/zero","host_numa_node":0}]},
         "payload":{"kernel":"/k","cmdline":"c","initramfs":"/i"},
         "rate_limit_groups":[{"id":"g","rate_limiter_config":{"bandwidth":{"size":1,"one_time_burst":3,"refill_time":2}}}],
         "disks":[{"path":"/a","id":"a","rate_limit_group":"g","queue_affinity":[{"queue_index":0,"host_cpus":[1]}]},
                  {"path":"/b","pci_device_id":7,"rate_limiter_config":{"ops":{"size":1,"refill_time":1}}}],
         "serial":{"mode":"File","file":"/s"},"console":{"mode":"Pty"},"debug_console":{"mode":"Tty","iobase":1026},"rng":{"src":"/dev/random"},
         "numa":[{"guest_numa_id":0,"cpus":[0],"distances":[{"destination":1,"distance":20}],"memory_zones":["z"]}],
         "pci_segments":[{"pci_segment":1,"mmio32_aperture_weight":2}],"platform":{"num_pci_segments":2,"oem_strings":["o"],"iommu_segments":[1]},
         "tpm":{"socket":"/t"},"iommu":true,"landlock_enable":true,"landlock_rules":[{"path":"/","access":"r"}]}
        """);

    internal static VmConfig Read(string json) => VmConfigDocument.Read(JsonElement.Parse(json), ShippedKinds.All);

    private static string Round(string json) => Shown(Read(json));

    private static string Shown(VmConfig config)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var output = new Utf8JsonWriter(buffer)) VmConfigDocument.Write(config, ShippedKinds.All, output);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
