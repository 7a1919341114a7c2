using System.Text;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>What belongs to a file beside its bytes and its names: modes, owners, times, types, extended attributes.</summary>
public sealed class FuseAttributeTests : IDisposable
{
    private const ulong Root = FuseDriver.Root;

    private readonly FuseDriver _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void Attributes_are_set()
    {
        File.WriteAllText(_guest.PathOf("file"), "0123456789");
        ulong node = _guest.Node("file");
        var set = new SetAttrIn
        {
            Valid = FuseSpec.FATTR_MODE | FuseSpec.FATTR_SIZE | FuseSpec.FATTR_ATIME | FuseSpec.FATTR_MTIME,
            Mode = FuseSpec.S_IFREG | 0x1a0, Size = 4, Accessed = 1_000_000, Modified = 2_000_000, ModifiedNanoseconds = 5,
        };
        Attributes now = _guest.Call(FuseOpcode.SetAttr, node, FuseDriver.Bytes(set)).As<AttrOut>().Attributes;
        Assert.Equal((4ul, 0x1a0u, 1_000_000L, 2_000_000L, 5u), (now.Size, now.Mode & 0xfff, now.Accessed, now.Modified, now.ModifiedNanoseconds));
        set = new SetAttrIn { Valid = FuseSpec.FATTR_MTIME | FuseSpec.FATTR_MTIME_NOW };
        Assert.InRange(_guest.Call(FuseOpcode.SetAttr, node, FuseDriver.Bytes(set)).As<AttrOut>().Attributes.Modified, 3_000_000, long.MaxValue);
        ulong handle = _guest.Open(node, FuseSpec.O_RDWR).As<OpenOut>().Handle;
        set = new SetAttrIn { Valid = FuseSpec.FATTR_SIZE | FuseSpec.FATTR_FH, Handle = handle, Size = 1000 };
        Assert.Equal(1000ul, _guest.Call(FuseOpcode.SetAttr, node, FuseDriver.Bytes(set)).As<AttrOut>().Attributes.Size);
        Assert.Equal(FuseSpec.EINVAL, _guest.Call(FuseOpcode.SetAttr, Root, FuseDriver.Bytes(new SetAttrIn { Valid = FuseSpec.FATTR_SIZE })).Error);
        Assert.Equal(1000ul, _guest.Call(FuseOpcode.GetAttr, node, FuseDriver.Bytes(new GetAttrIn { Flags = 1, Handle = handle })).As<AttrOut>().Attributes.Size);
    }

    [Fact]
    public void A_fifo_and_a_socket_can_be_made_but_no_device_and_none_is_opened()
    {
        byte[] Node(uint mode, string name) => [.. FuseDriver.Bytes(new MkNodIn { Mode = mode | 0x1a4 }), .. FuseDriver.Text(name)];
        foreach (uint type in new[] { FuseSpec.S_IFIFO, FuseSpec.S_IFSOCK })
        {
            ulong node = _guest.Call(FuseOpcode.MkNod, Root, Node(type, $"node{type}")).As<EntryOut>().NodeId;
            Assert.Equal(FuseSpec.ENXIO, _guest.Open(node, FuseSpec.O_RDONLY).Error);
            Assert.Equal(FuseSpec.ENXIO, _guest.Create(Root, $"node{type}", FuseSpec.O_WRONLY).Error);
        }

        Assert.Equal(FuseSpec.S_IFREG, _guest.Call(FuseOpcode.MkNod, Root, Node(FuseSpec.S_IFREG, "file")).As<EntryOut>().Attributes.Mode & FuseSpec.S_IFMT);
        Assert.Equal(FuseSpec.EPERM, _guest.Call(FuseOpcode.MkNod, Root, Node(FuseSpec.S_IFCHR, "null")).Error);
        Assert.Equal(FuseSpec.EPERM, _guest.Call(FuseOpcode.MkNod, Root, Node(FuseSpec.S_IFBLK, "sda")).Error);
    }

    [Fact]
    public void Extended_attributes_of_users_work_and_no_others()
    {
        File.WriteAllText(_guest.PathOf("file"), "");
        ulong node = _guest.Node("file");
        FuseAnswer Set(string name, string value) => _guest.Call(
            FuseOpcode.SetXAttr, node, [.. FuseDriver.Bytes(new XAttrIn { Size = (uint)value.Length }), .. FuseDriver.Text(name), .. Encoding.UTF8.GetBytes(value)]);
        FuseAnswer Get(string name, uint size) => _guest.Call(FuseOpcode.GetXAttr, node, [.. FuseDriver.Bytes(new XAttrIn { Size = size }), .. FuseDriver.Text(name)]);
        FuseAnswer List(uint size) => _guest.Call(FuseOpcode.ListXAttr, node, FuseDriver.Bytes(new XAttrIn { Size = size }));

        foreach (string name in new[] { "security.capability", "trusted.overlay.opaque", "system.posix_acl_access", "user.", "other" })
        {
            Assert.Equal(FuseSpec.EOPNOTSUPP, Set(name, "x").Error);
            Assert.Equal(FuseSpec.ENODATA, Get(name, 64).Error);
            Assert.Equal(FuseSpec.EOPNOTSUPP, _guest.Call(FuseOpcode.RemoveXAttr, node, FuseDriver.Text(name)).Error);
        }

        FuseAnswer first = Set("user.one", "value");
        if (first.Error == FuseSpec.EOPNOTSUPP) return;   // tmpfs has none before Linux 6.6
        Assert.Equal(0, first.Error);
        Assert.Equal(0, Set("user.two", "").Error);
        Assert.Equal(5u, Get("user.one", 0).As<XAttrIn>().Size);
        Assert.Equal("value"u8, Get("user.one", 64).Body);
        Assert.Equal(FuseSpec.ERANGE, Get("user.one", 3).Error);
        Assert.Equal(FuseSpec.ERANGE, _guest.Call(FuseOpcode.GetXAttr, node, [.. FuseDriver.Bytes(new XAttrIn { Size = 64 }), .. FuseDriver.Text("user.one")], room: 0).Error);
        Assert.Equal(18u, List(0).As<XAttrIn>().Size);
        Assert.Equal(["user.one", "user.two"], Encoding.UTF8.GetString(List(64).Body).Split('\0', StringSplitOptions.RemoveEmptyEntries).Order());
        Assert.Equal(FuseSpec.ERANGE, List(17).Error);
        Assert.Equal(0, _guest.Call(FuseOpcode.RemoveXAttr, node, FuseDriver.Text("user.one")).Error);
        Assert.Equal(FuseSpec.ENODATA, Get("user.one", 64).Error);
    }

    [Fact]
    public void As_root_files_belong_to_the_user_of_the_guest()
    {
        if (Environment.UserName != "root") return;
        _guest.Create(Root, "file", mode: 0x81b6, user: 1234, group: 5678).As<CreateOut>();
        ulong directory = _guest.Call(
            FuseOpcode.MkDir, Root, [.. FuseDriver.Bytes(new MkDirIn { Mode = 0x1c0 }), .. FuseDriver.Text("dir")], user: 1234, group: 5678).As<EntryOut>().NodeId;
        // Into a directory that this user may not write to: the guest's kernel has decided that it may.
        _guest.Create(directory, "inner", user: 4321, group: 4321).As<CreateOut>();
        _guest.Create(Root, "roots").As<CreateOut>();
        Assert.Equal((1234u, 5678u, 0x1b6u), Owner("file"));
        Assert.Equal((1234u, 5678u, 0x1c0u), Owner("dir"));
        Assert.Equal((4321u, 4321u, 0x1a4u), Owner("dir/inner"));
        Assert.Equal((0u, 0u, 0x1a4u), Owner("roots"));

        (uint, uint, uint) Owner(string path)
        {
            Attributes found = _guest.Attributes(_guest.Node(path)).Attributes;
            return (found.User, found.Group, found.Mode & 0xfff);
        }
    }

    [Fact]
    public void As_root_writing_takes_set_id_bits_away_when_the_guest_says_so()
    {
        if (Environment.UserName != "root") return;
        CreateOut file = _guest.Create(Root, "file").As<CreateOut>();
        var mode = new SetAttrIn { Valid = FuseSpec.FATTR_MODE, Mode = 0x9ed };   // 04755
        foreach ((uint flags, uint expected) in new[] { (0u, 0x9edu), (FuseSpec.FUSE_WRITE_KILL_SUIDGID, 0x1edu), (0u, 0x9edu) })
        {
            _guest.Call(FuseOpcode.SetAttr, file.Entry.NodeId, FuseDriver.Bytes(mode)).As<AttrOut>();
            _guest.Write(file.Open.Handle, 0, "x"u8, flags: flags).As<WriteOut>();
            Assert.Equal(expected, _guest.Attributes(file.Entry.NodeId).Attributes.Mode & 0xfff);
        }
    }
}
