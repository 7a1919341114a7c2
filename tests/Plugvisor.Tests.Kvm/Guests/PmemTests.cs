using System.Text.Json;
using Plugvisor.Tests.Kvm.Api;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>Persistent memory, used by a guest with plain loads and stores.</summary>
public sealed class PmemTests
{
    [Fact]
    public async Task What_the_guest_stores_and_flushes_is_in_the_file_and_there_in_the_next_run()
    {
        using var image = new PatternImage(4);
        using (VmmProcess first = VmmProcess.Boot("pmem", "write=2 mib=4", "--pmem", $"file={image.Path}"))
        {
            string serial = await first.FinishAsync();
            Assert.True(serial.Contains("size 4194304 wrong -1 after -1 flush 0 config 1 ok"), first.Everything());
        }

        Assert.True(image.IsWhole(seed: 2), "the file does not hold what the guest wrote");
        using VmmProcess second = VmmProcess.Boot("pmem", "seed=2 write=0", "--pmem", $"file={image.Path},size=2M");
        string again = await second.FinishAsync();
        Assert.True(again.Contains("size 2097152 wrong -1 after -1 flush 0 config 1 ok"), second.Everything());
    }

    [Fact]
    public async Task Discarded_writes_are_the_guests_alone_also_on_a_file_that_cannot_be_written()
    {
        using var image = new PatternImage(2);
        File.SetUnixFileMode(image.Path, UnixFileMode.UserRead);
        string option = $"file={image.Path},discard_writes=on";
        using VmmProcess one = VmmProcess.Boot("pmem", "write=2 mib=2", "--pmem", option);
        using VmmProcess other = VmmProcess.Boot("pmem", "write=3 mib=2", "--pmem", option);   // readers share the lock
        Assert.Contains("wrong -1 after -1 flush 0 config 1 ok", await one.FinishAsync(), StringComparison.Ordinal);
        Assert.Contains("wrong -1 after -1 flush 0 config 1 ok", await other.FinishAsync(), StringComparison.Ordinal);
        Assert.True(image.IsWhole());
    }

    [Fact]
    public async Task Hostile_27_requests_of_every_wrong_kind_and_a_storm_of_flushes_hurt_nobody()
    {
        using var image = new PatternImage(2);
        using VmmProcess vmm = VmmProcess.Boot("pmem", "op=abuse n=5000", "--pmem", $"file={image.Path}");
        string serial = await vmm.FinishAsync();
        Assert.True(serial.Contains("pmem abuse 1 ") && serial.Contains(" ok"), vmm.Everything());
        Assert.Single(vmm.Log.Split("was refused")[1..]);
    }

    [Fact]
    public async Task Hostile_29_a_file_cut_under_the_guest_reads_as_zeros_fails_flushes_and_the_VM_goes_on()
    {
        using var image = new PatternImage(4);
        using VmmProcess vmm = VmmProcess.Boot("pmem", "op=lose", "--pmem", $"file={image.Path}", "--cpus", "boot=2");
        await vmm.WaitForAsync("pmem ready");
        image.Truncate((2 << 20) + 5);
        string serial = await vmm.FinishAsync();
        Assert.True(serial.Contains("flush 0 then 1, first MiB wrong -1 ok"), vmm.Everything());
        Assert.Contains($"{image.Path} was cut to {(2 << 20) + 5} bytes", vmm.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_37_it_comes_to_a_running_guest_and_is_taken_while_the_guest_uses_it()
    {
        using var image = new PatternImage(2);
        using RestVmm vmm = await RestVmm.StartAsync();
        using ApiClient client = vmm.Open();
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("pmem", "op=unplug"))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        await vmm.Process.WaitForAsync("pmem waits");
        ApiAnswer added = await client.PutAsync("vm.add-pmem", $$"""{"file":"{{image.Path}}"}""");
        Assert.True(added.Code == 200, added.ToString());
        Assert.Equal("_pmem0", added.Json.GetProperty("id").GetString());
        JsonElement tree = (await client.GetAsync("vm.info")).Json.GetProperty("device_tree");
        JsonElement memory = tree.GetProperty("_pmem0").GetProperty("resources")[0].GetProperty("MmioAddressRange");
        Assert.Equal(2UL << 20, memory.GetProperty("size").GetUInt64());
        Assert.Equal(0UL, memory.GetProperty("base").GetUInt64() % (2 << 20));
        ApiAnswer locked = await client.PutAsync("vm.add-pmem", $$"""{"file":"{{image.Path}}","id":"second"}""");
        Assert.Equal(500, locked.Code);
        Assert.Equal("The pmem device could not be added to the VM", locked.Errors[1]);
        Assert.Contains("could not be locked for writing", string.Join(' ', locked.Errors), StringComparison.Ordinal);
        await vmm.Process.WaitForAsync("pmem came size 2097152 wrong -1 flush 0");
        Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"_pmem0"}""")).Code);
        string serial = await vmm.Process.FinishAsync();
        Assert.True(serial.Contains("pmem gone wrong -1 flush 0 end ffffffffffffffff ok"), vmm.Process.Everything());
    }

    [Fact]
    public async Task Its_code_is_replaced_while_the_guest_stores_and_flushes()
    {
        using var image = new PatternImage(2);
        using RestVmm vmm = await RestVmm.StartAsync();
        using ApiClient client = vmm.Open();
        string memory = $$""", "pmem": [{"file": "{{image.Path}}"}]""";
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("pmem", "op=run", memory))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        await vmm.Process.WaitForAsync("pmem runs");
        for (int i = 0; i < 5; i++)
        {
            ApiAnswer answer = await client.PutAsync("vmm.reload-plugin", """{"id":"pmem"}""");
            Assert.True(answer.Code is 200 or 204, answer + vmm.Process.Everything());
        }

        using (FileStream file = new(image.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.Position = 4096;
            file.WriteByte(1);
        }

        string serial = await vmm.Process.FinishAsync();
        Assert.True(serial.Contains("pmem rounds ") && serial.Contains(" failed 0 ") && serial.Contains(" ok"), vmm.Process.Everything());
    }

    [Fact]
    public async Task A_directory_gives_memory_that_nobody_else_sees()
    {
        string folder = Directory.CreateTempSubdirectory("plugvisor-pmem").FullName;
        try
        {
            using VmmProcess vmm = VmmProcess.Boot("pmem", "op=abuse n=10", "--pmem", $"file={folder},size=4M");
            Assert.Contains("pmem abuse 1 ", await vmm.FinishAsync(), StringComparison.Ordinal);
            Assert.Empty(Directory.GetFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder);
        }
    }
}
