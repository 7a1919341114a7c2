using System.Diagnostics;
using System.Reflection;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins;

/// <summary>What the shipped plugins declare, against the interface reference (sections 4.2, 6 and 8.3).</summary>
public sealed class ShippedPluginsTests
{
    public static TheoryData<string, string, string?, string?, int, bool> Kinds => new()
    {
        { "disk", "disks", "_disk", null, 200, true },
        { "net", "net", "_net", null, 300, true },
        { "rng", "rng", null, "__rng", 400, false },
        { "console", "console", null, "__console", 100, false },
        { "vsock", "vsock", "_vsock", null, 800, true },
        { "balloon", "balloon", null, "__balloon", 1000, true },   // Cloud Hypervisor has it at boot only
        { "watchdog", "watchdog", null, "__watchdog", 1100, false },
        { "pvpanic", "pvpanic", null, "__pvpanic", 1800, false },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Kinds_have_their_place_in_the_config_their_ids_and_slots(string kind, string section, string? prefix, string? fixedId, int slot, bool hotPluggable)
    {
        var declaration = Declaration(kind);
        Assert.Equal(section, declaration.Section);
        Assert.Equal(prefix, declaration.IdPrefix);
        Assert.Equal(fixedId, declaration.FixedId);
        Assert.Equal(slot, declaration.Slot);
        Assert.Equal(hotPluggable, declaration.IsHotPluggable);
        Assert.Equal(hotPluggable, declaration.IsRemovable);
    }

    [Theory]
    [InlineData("disk", "path,readonly,direct,iommu,num_queues,queue_size,vhost_user,socket,bw_size,bw_one_time_burst,bw_refill_time,ops_size,ops_one_time_burst," +
        "ops_refill_time,id,pci_segment,pci_device_id,rate_limit_group,queue_affinity,serial,backing_files,sparse,image_type,lock_granularity,_disable_io_uring,_disable_aio")]
    [InlineData("net", "tap,ip,mask,mac,host_mac,fd,iommu,mtu,num_queues,queue_size,id,vhost_user,socket,vhost_mode,bw_size,bw_one_time_burst,bw_refill_time,ops_size," +
        "ops_one_time_burst,ops_refill_time,pci_segment,pci_device_id,offload_tso,offload_ufo,offload_csum")]
    [InlineData("rng", "src,iommu,id,pci_segment,pci_device_id")]
    [InlineData("console", "off,pty,tty,null,file,socket,iommu,id,pci_segment,pci_device_id")]
    [InlineData("vsock", "cid,socket,iommu,id,pci_segment,pci_device_id")]
    [InlineData("balloon", "size,deflate_on_oom,free_page_reporting,id,pci_segment,pci_device_id")]
    public void Options_have_exactly_the_keys_of_the_reference(string kind, string keys) =>
        Assert.Equal(keys.Split(',').Order(), new DeviceConfigSchema(Declaration(kind)).Config.Keys.Select(key => key.Name).Order());

    [Theory]
    [InlineData("disk")]
    [InlineData("net")]
    [InlineData("rng")]
    [InlineData("console")]
    [InlineData("vsock")]
    [InlineData("balloon")]
    public void The_default_device_and_the_example_of_the_help_text_are_right(string kind)
    {
        var schema = new DeviceConfigSchema(Declaration(kind));
        Assert.Null(schema.Check(schema.FromOption(schema.Declaration.Example!), new ConfigContext()));
        if (schema.DefaultDevice is { } standard) Assert.Null(schema.Check(standard, new ConfigContext()));
        Assert.All(schema.Config.Keys, key => Assert.False(string.IsNullOrEmpty(key.Help), $"{key.Name} has no help"));
    }

    [Theory]
    [InlineData("disk", "path=/a", """{"pci_segment":0,"path":"/a","readonly":false,"direct":false,"num_queues":1,"queue_size":128,"vhost_user":false,"disable_io_uring":false,"disable_aio":false,"backing_files":false,"sparse":true,"image_type":"Unknown","lock_granularity":"ByteRange"}""")]
    [InlineData("net", "tap=t0,fd=[3,5],vhost_mode=server", """{"pci_segment":0,"tap":"t0","num_queues":2,"queue_size":256,"vhost_user":false,"vhost_mode":"Server","fds":[3,5],"offload_tso":true,"offload_ufo":true,"offload_csum":true}""")]
    [InlineData("rng", "", """{"pci_segment":0,"src":"/dev/urandom"}""")]
    [InlineData("rng", "iommu=on,src=/dev/hwrng", """{"iommu":true,"pci_segment":0,"src":"/dev/hwrng"}""")]
    [InlineData("vsock", "cid=3,socket=/s,id=v", """{"id":"v","pci_segment":0,"cid":3,"socket":"/s"}""")]
    [InlineData("balloon", "size=1G,deflate_on_oom=on", """{"pci_segment":0,"size":1073741824,"deflate_on_oom":true,"free_page_reporting":false}""")]
    [InlineData("console", "file=/log", """{"pci_segment":0,"mode":"File","file":"/log"}""")]
    public void Options_become_the_json_of_the_reference(string kind, string option, string json) =>
        Assert.Equal(json, new DeviceConfigSchema(Declaration(kind)).FromOption(option).GetRawText());

    [Theory]
    [InlineData("Plugvisor.Abstractions")]
    [InlineData("Plugvisor.Virtio")]
    [InlineData("Plugvisor.Linux")]
    public void Contract_assemblies_bind_by_major_and_state_the_minor(string name)
    {
        var assembly = Assembly.Load(name);
        Assert.Equal(new Version(ContractVersion.Major, 0, 0, 0), assembly.GetName().Version);
        Assert.Equal($"{ContractVersion.Major}.{ContractVersion.Minor}.0.0", FileVersionInfo.GetVersionInfo(assembly.Location).FileVersion);
    }

    private static DeviceDeclaration Declaration(string kind)
    {
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory, "Plugvisor.Plugins.*.dll"))
        {
            if (ManifestReader.Read(file) is not { } manifest) continue;
            var declaration = DeviceDeclaration.Parse(manifest);
            Assert.Equal(ContractVersion.Major, declaration.ContractMajor);
            if (declaration.Kind == kind) return declaration;
        }

        throw new InvalidOperationException($"no plugin for {kind} is built");
    }
}
