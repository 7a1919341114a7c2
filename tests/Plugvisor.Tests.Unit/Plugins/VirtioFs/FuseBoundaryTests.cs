using System.Text;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>Nothing outside of the shared directory is read, written or named.</summary>
public sealed class FuseBoundaryTests
{
    private const ulong Root = FuseDriver.Root;

    public static TheoryData<string> BadNames => ["..", ".", "", "/", "a/b", "../secret", "/etc/passwd", "dir/..", new string('x', 256), new string('x', 4000)];

    [Theory]
    [MemberData(nameof(BadNames))]
    public void Hostile_35_a_name_that_is_more_than_a_name_is_refused_by_every_operation(string name)
    {
        using var guest = new FuseDriver();
        File.WriteAllText(Path.Combine(guest.Above, "secret"), "secret");
        Directory.CreateDirectory(guest.PathOf("dir"));
        File.WriteAllText(guest.PathOf("file"), "file");
        ulong directory = guest.Node("dir"), file = guest.Node("file");
        byte[] text = FuseDriver.Text(name), good = FuseDriver.Text("good");
        (FuseOpcode Opcode, byte[] Arguments)[] requests =
        [
            (FuseOpcode.Lookup, text),
            (FuseOpcode.MkDir, [.. FuseDriver.Bytes(new MkDirIn { Mode = 0x1ff }), .. text]),
            (FuseOpcode.MkNod, [.. FuseDriver.Bytes(new MkNodIn { Mode = 0x81ff }), .. text]),
            (FuseOpcode.SymLink, [.. text, .. good]),
            (FuseOpcode.Link, [.. FuseDriver.Bytes(file), .. text]),
            (FuseOpcode.Create, [.. FuseDriver.Bytes(new CreateIn { Flags = FuseSpec.O_RDWR | FuseSpec.O_CREAT, Mode = 0x81ff }), .. text]),
            (FuseOpcode.Unlink, text),
            (FuseOpcode.RmDir, text),
            (FuseOpcode.Rename, [.. FuseDriver.Bytes(Root), .. text, .. good]),
            (FuseOpcode.Rename, [.. FuseDriver.Bytes(Root), .. FuseDriver.Text("file"), .. text]),
            (FuseOpcode.Rename2, [.. FuseDriver.Bytes(new Rename2In { NewDirectory = directory, Flags = 2 }), .. FuseDriver.Text("file"), .. text]),
        ];
        foreach ((FuseOpcode opcode, byte[] arguments) in requests)
        {
            foreach (ulong node in new[] { Root, directory })
            {
                int error = guest.Call(opcode, node, arguments).Error;
                Assert.True(error is FuseSpec.EINVAL or FuseSpec.ENAMETOOLONG, $"{opcode} answered {error}");
            }
        }

        Assert.Equal(["dir", "file"], Directory.GetFileSystemEntries(guest.Shared).Select(Path.GetFileName).Order());
        Assert.Equal(["secret", "shared"], Directory.GetFileSystemEntries(guest.Above).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Hostile_35_a_link_that_leads_out_is_a_link_and_no_directory()
    {
        using var guest = new FuseDriver();
        Directory.CreateDirectory(Path.Combine(guest.Above, "outside"));
        File.WriteAllText(Path.Combine(guest.Above, "outside", "secret"), "secret");
        foreach ((string name, string target) in new[] { ("relative", "../outside"), ("absolute", Path.Combine(guest.Above, "outside")), ("up", ".."), ("proc", "/proc/self/root") })
        {
            File.CreateSymbolicLink(guest.PathOf(name), target);
            EntryOut link = guest.Lookup(Root, name).As<EntryOut>();
            Assert.Equal(FuseSpec.S_IFLNK, link.Attributes.Mode & FuseSpec.S_IFMT);
            Assert.Equal(Encoding.UTF8.GetBytes(target), guest.Call(FuseOpcode.ReadLink, link.NodeId).Body);
            Assert.Equal(FuseSpec.ENOTDIR, guest.Lookup(link.NodeId, "secret").Error);
            Assert.Equal(FuseSpec.ENOTDIR, guest.Call(FuseOpcode.OpenDir, link.NodeId, FuseDriver.Bytes(default(OpenIn))).Error);
            Assert.Equal(FuseSpec.ENOTDIR, guest.Create(link.NodeId, "planted").Error);
            Assert.Equal(FuseSpec.ENXIO, guest.Open(link.NodeId, FuseSpec.O_RDWR).Error);
            Assert.NotEqual(0, guest.Create(Root, name).Error);
            Assert.NotEqual(0, guest.Create(Root, name, FuseSpec.O_RDWR | FuseSpec.O_TRUNC).Error);
            foreach (uint valid in new[] { FuseSpec.FATTR_MODE, FuseSpec.FATTR_SIZE })
                Assert.NotEqual(0, guest.Call(FuseOpcode.SetAttr, link.NodeId, FuseDriver.Bytes(new SetAttrIn { Valid = valid, Mode = 0x1ff })).Error);
            Assert.NotEqual(0, guest.Call(FuseOpcode.SetXAttr, link.NodeId, [.. FuseDriver.Bytes(new XAttrIn { Size = 1 }), .. FuseDriver.Text("user.x"), 1]).Error);
            guest.Call(FuseOpcode.SetAttr, link.NodeId, FuseDriver.Bytes(new SetAttrIn { Valid = FuseSpec.FATTR_MTIME, Modified = 5 })).As<AttrOut>();
            Assert.Equal(0, guest.Call(FuseOpcode.Link, Root, [.. FuseDriver.Bytes(link.NodeId), .. FuseDriver.Text(name + "2")]).Error);
            Assert.Equal(target, new FileInfo(guest.PathOf(name + "2")).LinkTarget);
        }

        Assert.Equal(["secret"], Directory.GetFileSystemEntries(Path.Combine(guest.Above, "outside")).Select(Path.GetFileName));
        Assert.True(File.GetLastWriteTimeUtc(Path.Combine(guest.Above, "outside")) > DateTime.UtcNow.AddDays(-1));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(100_000)]
    public void Hostile_35_swapping_a_directory_for_a_link_in_a_race_never_lets_the_guest_out(int descriptors)
    {
        // With few descriptors directories are opened again and again by their names, which is where a race could be lost.
        using var guest = new FuseDriver(budget: new DescriptorBudget(descriptors));
        string outside = Path.Combine(guest.Above, "outside"), directory = guest.PathOf("d"), aside = guest.PathOf("aside");
        foreach (string path in new[] { outside, directory }) Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(outside, "file"), "secret");
        File.WriteAllText(Path.Combine(directory, "file"), "public");
        for (int i = 0; i < 40; i++) File.WriteAllText(guest.PathOf($"filler{i}"), "");
        using var stop = new CancellationTokenSource();
        int rounds = 0;
        var swapper = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Directory.Move(directory, aside);
                File.CreateSymbolicLink(directory, outside);
                File.Delete(directory);
                Directory.Move(aside, directory);
                // As it should be for a round of the guest's at least, or it would see little but links.
                int seen = Volatile.Read(ref rounds);
                SpinWait.SpinUntil(() => Volatile.Read(ref rounds) > seen || stop.IsCancellationRequested);
            }
        });
        swapper.Start();
        int reads = 0;
        try
        {
            for (int i = 0; i < 1000; i++)
            {
                Volatile.Write(ref rounds, i);
                if (i % 4 == 0) guest.Lookup(Root, $"filler{i / 4 % 40}");
                FuseAnswer found = guest.Lookup(Root, "d");
                if (found.Error != 0) continue;
                ulong node = found.As<EntryOut>().NodeId;
                FuseAnswer file = guest.Lookup(node, "file");
                guest.Call(FuseOpcode.MkDir, node, [.. FuseDriver.Bytes(new MkDirIn { Mode = 0x1ff }), .. FuseDriver.Text("planted")]);
                guest.Call(FuseOpcode.RmDir, node, FuseDriver.Text("planted"));
                if (file.Error != 0) continue;
                FuseAnswer open = guest.Open(file.As<EntryOut>().NodeId, FuseSpec.O_RDONLY);
                if (open.Error != 0) continue;
                ulong handle = open.As<OpenOut>().Handle;
                Assert.Equal("public"u8, guest.Read(handle, 0, 16).Body);
                guest.Call(FuseOpcode.Release, 0, FuseDriver.Bytes(new ReleaseIn { Handle = handle }));
                reads++;
            }
        }
        finally
        {
            stop.Cancel();
            swapper.Join();
        }

        Assert.InRange(reads, 1, int.MaxValue);
        Assert.Equal(["file"], Directory.GetFileSystemEntries(outside).Select(Path.GetFileName));
    }

    [Fact]
    public void Hostile_35_a_directory_that_moves_keeps_the_guest_inside_of_what_it_is_in()
    {
        using var guest = new FuseDriver();
        Directory.CreateDirectory(guest.PathOf("a/b/c"));
        ulong c = guest.Node("a/b/c"), a = guest.Node("a");
        // Up to the top, from where ".." would be outside, if it could be named.
        Assert.Equal(0, guest.Call(FuseOpcode.Rename, guest.Node("a/b"), [.. FuseDriver.Bytes(Root), .. FuseDriver.Text("c"), .. FuseDriver.Text("c")]).Error);
        Assert.Equal(c, guest.Node("c"));
        Assert.Equal(FuseSpec.EINVAL, guest.Lookup(c, "..").Error);
        // Into itself is refused by the host's kernel.
        Assert.Equal(FuseSpec.EINVAL, guest.Call(FuseOpcode.Rename, Root, [.. FuseDriver.Bytes(guest.Node("a/b")), .. FuseDriver.Text("a"), .. FuseDriver.Text("a")]).Error);
        Assert.Equal(a, guest.Node("a"));
        // From and to a directory that is not one.
        Assert.Equal(FuseSpec.ESTALE, guest.Call(FuseOpcode.Rename, Root, [.. FuseDriver.Bytes(4711ul), .. FuseDriver.Text("a"), .. FuseDriver.Text("b")]).Error);
        Assert.Equal(FuseSpec.ESTALE, guest.Call(FuseOpcode.Link, Root, [.. FuseDriver.Bytes(ulong.MaxValue), .. FuseDriver.Text("b")]).Error);
    }

    [Fact]
    public void Interfaces_of_the_kernel_are_not_shared()
    {
        using var ram = new GuestMemoryMock();
        var host = new MockDeviceHost(ram);
        var error = Assert.Throws<DeviceException>(() => FuseDriver.Make(host, "/proc"));
        Assert.Contains("/proc", error.Message, StringComparison.Ordinal);

        // Mounted inside of what is shared they are there by name only.
        using var guest = new FuseDriver(share: "/");
        Assert.Equal(FuseSpec.EXDEV, guest.Lookup(Root, "proc").Error);
        Assert.Equal(FuseSpec.EXDEV, guest.Lookup(Root, "sys").Error);
        Assert.NotEqual(0ul, guest.Lookup(Root, "etc").As<EntryOut>().NodeId);
    }

    [Fact]
    public void A_directory_that_cannot_be_shared_is_an_error_that_names_it()
    {
        using var ram = new GuestMemoryMock();
        var host = new MockDeviceHost(ram);
        foreach (string path in new[] { "/no/such/directory", "/etc/passwd" })
        {
            var error = Assert.Throws<DeviceException>(() => FuseDriver.Make(host, path));
            Assert.Contains("_fs0", error.Message, StringComparison.Ordinal);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_read_only_directory_is_changed_by_nothing()
    {
        using var guest = new FuseDriver(readOnly: true);
        File.WriteAllText(guest.PathOf("file"), "unchanged");
        DateTime time = File.GetLastWriteTimeUtc(guest.Shared);
        ulong file = guest.Node("file");
        byte[] name = FuseDriver.Text("file"), other = FuseDriver.Text("other");
        (FuseOpcode, byte[])[] requests =
        [
            (FuseOpcode.MkDir, [.. new byte[8], .. other]), (FuseOpcode.MkNod, [.. FuseDriver.Bytes(new MkNodIn { Mode = 0x81ff }), .. other]),
            (FuseOpcode.SymLink, [.. other, .. name]), (FuseOpcode.Link, [.. FuseDriver.Bytes(file), .. other]), (FuseOpcode.Unlink, name), (FuseOpcode.RmDir, name),
            (FuseOpcode.Rename, [.. FuseDriver.Bytes(Root), .. name, .. other]), (FuseOpcode.Rename2, [.. FuseDriver.Bytes(new Rename2In { NewDirectory = Root }), .. name, .. other]),
            (FuseOpcode.Create, [.. FuseDriver.Bytes(new CreateIn { Flags = FuseSpec.O_RDWR }), .. other]),
            (FuseOpcode.SetAttr, FuseDriver.Bytes(new SetAttrIn { Valid = FuseSpec.FATTR_MODE, Mode = 0 })),
            (FuseOpcode.SetXAttr, [.. FuseDriver.Bytes(new XAttrIn { Size = 1 }), .. FuseDriver.Text("user.x"), 1]), (FuseOpcode.RemoveXAttr, FuseDriver.Text("user.x")),
            (FuseOpcode.FAllocate, new byte[32]), (FuseOpcode.CopyFileRange, new byte[56]), (FuseOpcode.Write, new byte[48]), (FuseOpcode.TmpFile, [.. new byte[16], .. other]),
            (FuseOpcode.Open, FuseDriver.Bytes(new OpenIn { Flags = FuseSpec.O_WRONLY })), (FuseOpcode.Open, FuseDriver.Bytes(new OpenIn { Flags = FuseSpec.O_RDWR })),
            (FuseOpcode.Open, FuseDriver.Bytes(new OpenIn { Flags = FuseSpec.O_TRUNC })), (FuseOpcode.Access, FuseDriver.Bytes(2ul)),
        ];
        foreach ((FuseOpcode opcode, byte[] arguments) in requests)
        {
            Assert.Equal(FuseSpec.EROFS, guest.Call(opcode, opcode is FuseOpcode.Open or FuseOpcode.SetAttr ? file : Root, arguments).Error);
        }

        Assert.Equal("unchanged"u8, guest.Read(guest.Open(file, FuseSpec.O_RDONLY).As<OpenOut>().Handle, 0, 64).Body);
        Assert.Equal("unchanged", File.ReadAllText(guest.PathOf("file")));
        Assert.Equal(time, File.GetLastWriteTimeUtc(guest.Shared));
    }
}
