using System.Diagnostics;
using System.Text.Json.Nodes;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Files;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Tests.Unit.Linux;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

public sealed class ImageTests : IDisposable
{
    private readonly GuestMemoryMock _ram = new();
    private readonly MockDeviceHost _host;

    public ImageTests() => _host = new MockDeviceHost(_ram);

    public void Dispose() => _ram.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_second_disk_on_one_image_is_refused_unless_both_only_read(bool firstReads, bool secondReads)
    {
        using var file = new TemporaryFile(length: 4096);
        using (Open(file.Path, c => c["readonly"] = firstReads))
        {
            DeviceException e = Assert.Throws<DeviceException>(() => Open(file.Path, c => c["readonly"] = secondReads));
            Assert.Equal("Error locking disk images: Another instance likely holds a lock", e.Message);
            Assert.Contains(file.Path, e.InnerException!.Message, StringComparison.Ordinal);
        }

        Open(file.Path, _ => { }).Dispose();
    }

    [Fact]
    public void The_lock_goes_to_the_successor_that_serves_the_guest_and_to_no_other()
    {
        using var file = new TemporaryFile(length: 4096);
        using IDevice first = Open(file.Path, _ => { });
        Succeed(first).Dispose();   // it could not start
        AssertLocked();

        IDevice second = Succeed(first);
        ((IHandsOver)first).HandedOver();
        ((IHandsOver)second).TookOver();
        first.Dispose();
        AssertLocked();
        second.Dispose();
        Open(file.Path, _ => { }).Dispose();

        IDevice Succeed(IDevice earlier) => DiskRig.Create(
            _host, file.Path, "io_uring", state: ((ISnapshottable)earlier).Save(), inherited: ((IHandsOver)earlier).Handover);
        void AssertLocked() => Assert.Throws<DeviceException>(() => Open(file.Path, _ => { }));
    }

    [Fact]
    public void Two_readers_share_an_image()
    {
        using var file = new TemporaryFile(length: 4096);
        using IDevice first = Open(file.Path, c => c["readonly"] = true);
        using IDevice second = Open(file.Path, c => c["readonly"] = true);
    }

    [Theory]
    [InlineData("ByteRange", 4096, 1, true)]
    [InlineData("Full", 4096, 1, false)]
    public void The_lock_covers_what_was_asked_for(string granularity, ulong offset, ulong length, bool free)
    {
        using var file = new TemporaryFile(length: 4096);
        using IDevice disk = Open(file.Path, c => c["lock_granularity"] = granularity);
        using LinuxFile other = LinuxFile.Open(file.Path, FileOpen.Write);
        Assert.Equal(free, other.TryLock(FileLock.Write, offset, length));
        Assert.False(other.TryLock(FileLock.Write, 0, 1));
    }

    [Fact]
    public async Task A_lock_of_another_process_is_respected()
    {
        using var file = new TemporaryFile(length: 4096);
        // F_OFD_SETLK is 37; python's fcntl is the simplest other process that can take one.
        const string script = "import fcntl,struct,sys;f=open(sys.argv[1],'r+');" +
            "fcntl.fcntl(f,37,struct.pack('hhqqi4x',1,0,0,0,0));print('locked',flush=True);sys.stdin.read()";
        using Process other = Process.Start(new ProcessStartInfo("python3", ["-c", script, file.Path])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        })!;
        Assert.Equal("locked", await other.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Throws<DeviceException>(() => Open(file.Path, _ => { }));
        other.StandardInput.Close();
        await other.WaitForExitAsync(TestContext.Current.CancellationToken);
        Open(file.Path, _ => { }).Dispose();
    }

    [Theory]
    [InlineData("QFI\u00fb", "qcow2")]
    [InlineData("vhdxfile", "vhdx")]
    [InlineData("KDMV", "vmdk")]
    [InlineData("# Disk DescriptorFile", "vmdk")]
    [InlineData("conectix", "vhd")]
    public void An_image_that_looks_like_a_format_is_not_believed_without_being_told(string magic, string type)
    {
        byte[] content = new byte[4096];
        for (int i = 0; i < magic.Length; i++) content[i] = (byte)magic[i];
        using var file = new TemporaryFile(content);
        DeviceException e = Assert.Throws<DeviceException>(() => Open(file.Path, c => c["image_type"] = "Unknown"));
        Assert.Contains($"image_type={type}", e.Message, StringComparison.Ordinal);
        Assert.Contains(file.Path, e.Message, StringComparison.Ordinal);
        Open(file.Path, c => c["image_type"] = "Raw").Dispose();
    }

    [Fact]
    public void A_fixed_vhd_is_known_by_its_footer()
    {
        byte[] content = new byte[4096];
        "conectix"u8.CopyTo(content.AsSpan(4096 - 512));
        using var file = new TemporaryFile(content);
        Assert.Contains("image_type=vhd", Assert.Throws<DeviceException>(() => Open(file.Path, c => c.Remove("image_type"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Qcow2", "not there yet", "QFI\u00fb")]
    [InlineData("Qcow2", "is not a qcow2 image", "")]
    [InlineData("Vhdx", "not there yet", "vhdxfile")]
    [InlineData("Vhdx", "is not a vhdx image", "QFI\u00fb")]
    [InlineData("FlatVmdk", "not there yet", "# Disk DescriptorFile")]
    [InlineData("FixedVhd", "is not a vhd image", "")]
    public void Formats_that_are_not_there_yet_and_mismatches_are_told(string type, string expected, string magic)
    {
        byte[] content = new byte[4096];
        for (int i = 0; i < magic.Length; i++) content[i] = (byte)magic[i];
        using var file = new TemporaryFile(content);
        DeviceException e = Assert.Throws<DeviceException>(() => Open(file.Path, c => c["image_type"] = type));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        // The lock does not outlive the error.
        Open(file.Path, _ => { }).Dispose();
    }

    [Fact]
    public void Without_a_type_the_first_sector_cannot_be_written()
    {
        using var rig = new DiskRig("io_uring", c => c.Remove("image_type"));
        rig.Harness.Start();
        Assert.Contains("image_type=raw", rig.Log(), StringComparison.Ordinal);
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Out, 0, rig.Data(new byte[1024])));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.WriteZeroes, 0, rig.Ranges((8, 1, 0), (0, 1, 0))));
        Assert.Equal(DiskRig.IoError, rig.Call(DiskRig.Discard, 0, rig.Ranges((0, 8, 0))));
        Assert.Equal(DiskRig.Content(), rig.File());
        Assert.Equal(DiskRig.Ok, rig.Call(DiskRig.Out, 1, rig.Data(new byte[512])));
        Assert.Equal(DiskRig.Expected(0, 512), rig.Read(0, 512));
    }

    [Theory]
    [InlineData("/nowhere/disk.raw", "could not be opened")]
    [InlineData("/dev/null", "neither a regular file nor a block device")]
    [InlineData("/var/tmp", "could not be opened")]
    public void What_cannot_be_a_disk_is_named(string path, string expected)
    {
        DeviceException e = Assert.Throws<DeviceException>(() => Open(path, _ => { }));
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_there_yet_or_missing_is_told()
    {
        using var file = new TemporaryFile(length: 4096);
        Assert.Contains("not there yet", Assert.Throws<DeviceException>(() => Open(file.Path, c =>
        {
            c.Remove("path");
            c["vhost_user"] = true;
            c["vhost_socket"] = "/tmp/s";
        })).Message, StringComparison.Ordinal);
        Assert.Contains("path=", Assert.Throws<DeviceException>(() => Open(file.Path, c => c.Remove("path"))).Message, StringComparison.Ordinal);
        Assert.Contains("image_type=qcow2", Assert.Throws<DeviceException>(() => Open(file.Path, c => c["backing_files"] = true)).Message, StringComparison.Ordinal);
        Assert.Contains("group 'g'", Assert.Throws<DeviceException>(() => Open(file.Path, c => c["rate_limit_group"] = "g")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Config_space_tells_the_disk()
    {
        using var rig = new DiskRig("io_uring", c => { c["num_queues"] = 4; c["queue_size"] = 256; });
        Assert.Equal((ulong)DiskRig.Sectors, rig.Config(0, 8));
        Assert.Equal(0ul, rig.Config(8, 4));
        Assert.Equal(254ul, rig.Config(12, 4));
        Assert.Equal(512ul, rig.Config(20, 4));
        Assert.Equal(4ul, rig.Config(34, 2));
        Assert.Equal(1ul, rig.Config(56, 1));
        Assert.InRange(rig.Config(36, 4), 1ul, uint.MaxValue);
        Assert.Equal([256, 256, 256, 256], rig.Device.Traits.QueueSizes);
    }

    [Theory]
    [InlineData(1, true, false, "2 6 9 10 11 13 14 28 29")]
    [InlineData(2, true, false, "2 6 9 10 11 12 13 14 28 29")]
    [InlineData(1, false, false, "2 6 9 10 11 28 29")]
    [InlineData(1, true, true, "2 5 6 9 10 11 28 29")]
    public void Features_follow_from_the_config(int queues, bool sparse, bool readOnly, string bits)
    {
        using var rig = new DiskRig("io_uring", c =>
        {
            c["num_queues"] = queues;
            c["sparse"] = sparse;
            c["readonly"] = readOnly;
        });
        Assert.Equal(bits, string.Join(' ', Enumerable.Range(0, 64).Where(b => (rig.Device.Traits.Features >> b & 1) != 0)));
    }

    [Fact]
    public void Sparse_off_allocates_the_whole_image()
    {
        using var file = new TemporaryFile(length: 8 << 20);
        Open(file.Path, c => c["sparse"] = false).Dispose();
        using Process du = Process.Start(new ProcessStartInfo("stat", ["-c", "%b", file.Path]) { RedirectStandardOutput = true })!;
        Assert.True(int.Parse(du.StandardOutput.ReadToEnd()) >= (8 << 20) / 512);
    }

    [Fact]
    public void A_tail_of_less_than_a_sector_is_left_out_with_a_warning()
    {
        using var file = new TemporaryFile(length: 1000);
        using var device = (IVirtioDevice)Open(file.Path, _ => { });
        byte[] capacity = new byte[8];
        device.ReadConfig(0, capacity);
        Assert.Equal(1, capacity[0]);
        Assert.Contains("488", string.Join('\n', _host.MockLog.Lines), StringComparison.Ordinal);
    }

    private IDevice Open(string path, Action<JsonObject> configure) => DiskRig.Create(_host, path, "io_uring", configure);
}
