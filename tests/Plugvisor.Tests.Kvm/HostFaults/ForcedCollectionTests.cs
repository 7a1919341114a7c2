using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Plugvisor.Configuration;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Control.Plugins;
using Plugvisor.Hypervisor.Kvm;
using Plugvisor.Machine.Consoles;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.HostFaults;

/// <summary>A whole VMM inside the test's process, where the test can force garbage collections on it.</summary>
public sealed class ForcedCollectionTests
{
    [Fact]
    public async Task Hostile_42_A_collection_every_millisecond_loses_and_repeats_no_completion()
    {
        using var disk = new PatternImage(16);
        string serial = Path.GetTempFileName();
        string json = $$"""
            {"payload":{"kernel":"{{GuestImages.Of("blk-read")}}","cmdline":"qd=32 reqs=100000"},"memory":{"size":{{64 << 20}}},
             "serial":{"mode":"File","file":"{{serial}}"},"console":{"mode":"Off"},"disks":[{"path":"{{disk.Path}}","image_type":"Raw","direct":true}]}
            """;
        using var terminal = new HostTerminal();
        using KvmHypervisor hypervisor = KvmHypervisor.Open();
        var loop = new ControlLoop(NullLoggerFactory.Instance);
        PluginSet plugins = PluginSet.Open([Path.Combine(Path.GetDirectoryName(Repository.Plugvisor)!, "plugins")], isReserved: null);
        using var vmm = new Vmm(hypervisor, plugins, terminal, loop, new EventHub(TimeProvider.System), NullLoggerFactory.Instance, noShutdown: false);
        using var ended = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            try
            {
                _ = loop.Run(vmm);   // ends when the guest powers off
            }
            finally
            {
                ended.Set();
            }
        });
        thread.Start();
        VmConfig config = VmConfigDocument.Read(JsonElement.Parse(json), plugins.Kinds);
        await loop.SubmitAsync<object?>(VmmCommandKind.Create, vmm =>
        {
            vmm.Create(config);
            return null;
        }, TestContext.Current.CancellationToken);
        await loop.SubmitAsync<object?>(VmmCommandKind.Boot, static vmm =>
        {
            vmm.Boot();
            return null;
        }, TestContext.Current.CancellationToken);

        int collections = GC.CollectionCount(2);
        long deadline = Environment.TickCount64 + 120_000;
        while (!ended.Wait(1, TestContext.Current.CancellationToken))
        {
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
            Assert.True(Environment.TickCount64 < deadline, await File.ReadAllTextAsync(serial, TestContext.Current.CancellationToken));
        }

        thread.Join();
        string text = await File.ReadAllTextAsync(serial, TestContext.Current.CancellationToken);
        File.Delete(serial);
        Assert.Contains("blk-read done 100000 errors 0", text, StringComparison.Ordinal);
        Assert.True(GC.CollectionCount(2) - collections > 100, "too few collections to tell");
    }
}
