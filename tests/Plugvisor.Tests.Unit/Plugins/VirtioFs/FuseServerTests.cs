using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>Each operation of the protocol, looked at from both sides.</summary>
public sealed class FuseServerTests : IDisposable
{
    private const ulong Root = FuseDriver.Root;

    private readonly FuseDriver _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void Config_space_has_the_tag_and_the_number_of_request_queues()
    {
        byte[] config = new byte[40];
        _guest.Harness.Device.ReadConfig(0, config);
        Assert.Equal("test", Encoding.UTF8.GetString(config, 0, 36).TrimEnd('\0'));
        Assert.Equal(1, BitConverter.ToInt32(config, 36));
        Assert.Equal(26, _guest.Harness.Device.Traits.DeviceType);
        Assert.Equal([(ushort)1024, (ushort)1024], _guest.Harness.Device.Traits.QueueSizes);
    }

    [Fact]
    public void Versions_are_negotiated()
    {
        InitOut answer = _guest.Init().As<InitOut>();
        Assert.Equal((7u, 1u << 20, (ushort)256), (answer.Major, answer.MaxWrite, answer.MaxPages));
        Assert.NotEqual(0u, answer.Flags & FuseSpec.FUSE_BIG_WRITES);
        Assert.Equal(0u, _guest.Init(flags: 0).As<InitOut>().Flags);
        Assert.Equal(7u, _guest.Init(major: 8).As<InitOut>().Major);
        Assert.Equal(FuseSpec.EPROTO, _guest.Init(minor: 26).Error);
        Assert.Equal(FuseSpec.EPROTO, _guest.Init(major: 6).Error);
    }

    [Fact]
    public void A_file_is_looked_up_with_its_attributes()
    {
        File.WriteAllText(_guest.PathOf("file"), "twelve bytes");
        EntryOut entry = _guest.Lookup(Root, "file").As<EntryOut>();
        Assert.Equal(12ul, entry.Attributes.Size);
        Assert.Equal(FuseSpec.S_IFREG, entry.Attributes.Mode & FuseSpec.S_IFMT);
        Assert.Equal(1u, entry.Attributes.Links);
        Assert.Equal(FuseServer.ValidSeconds, entry.EntryValid);
        Assert.Equal(entry.NodeId, _guest.Lookup(Root, "file").As<EntryOut>().NodeId);
        Assert.Equal(12ul, _guest.Attributes(entry.NodeId).Attributes.Size);
        Assert.Equal(FuseSpec.S_IFDIR, _guest.Attributes(Root).Attributes.Mode & FuseSpec.S_IFMT);
        Assert.Equal(FuseSpec.ENOENT, _guest.Lookup(Root, "none").Error);
    }

    [Fact]
    public void A_guest_keeps_what_the_option_says()
    {
        using FuseDriver none = new(cache: "none"), metadata = new(cache: "metadata");
        foreach ((FuseDriver guest, ulong valid, bool direct) in
            new[] { (_guest, FuseServer.ValidSeconds, false), (metadata, FuseServer.ValidSeconds, true), (none, 0ul, true) })
        {
            CreateOut created = guest.Create(Root, "file").As<CreateOut>();
            Assert.Equal((valid, valid), (created.Entry.EntryValid, created.Entry.AttributesValid));
            Assert.Equal(direct, (created.Open.Flags & FuseSpec.FOPEN_DIRECT_IO) != 0);
            Assert.Equal(valid, guest.Attributes(Root).Valid);
        }
    }

    [Fact]
    public void What_is_written_is_read_on_both_sides()
    {
        byte[] data = RandomNumberGenerator.GetBytes(300_000);
        CreateOut created = _guest.Create(Root, "data").As<CreateOut>();
        for (int at = 0; at < data.Length; at += 100_000)
            Assert.Equal(100_000u, _guest.Write(created.Open.Handle, (ulong)at, data.AsSpan(at, 100_000)).As<WriteOut>().Size);
        Assert.Equal(data, File.ReadAllBytes(_guest.PathOf("data")));

        ulong handle = _guest.Open(created.Entry.NodeId, FuseSpec.O_RDONLY).As<OpenOut>().Handle;
        Assert.Equal(data[1..200_002], _guest.Read(handle, 1, 200_001).Body);
        Assert.Equal(data[299_990..], _guest.Read(handle, 299_990, 4096).Body);   // short at the end
        Assert.Empty(_guest.Read(handle, 300_000, 4096).Body);
        Assert.Equal(FuseSpec.EBADF, _guest.Write(handle, 0, data.AsSpan(0, 1)).Error);   // opened for reading
        Assert.Equal(0, _guest.Call(FuseOpcode.FSync, created.Entry.NodeId, FuseDriver.Bytes(new FSyncIn { Handle = created.Open.Handle })).Error);
        Assert.Equal(0, _guest.Call(FuseOpcode.FSync, created.Entry.NodeId, FuseDriver.Bytes(new FSyncIn { Handle = created.Open.Handle, Flags = 1 })).Error);
        Assert.Equal(0, _guest.Call(FuseOpcode.Flush, created.Entry.NodeId, FuseDriver.Bytes(new ReleaseIn { Handle = created.Open.Handle })).Error);
        foreach (ulong open in new[] { handle, created.Open.Handle })
        {
            Assert.Equal(0, _guest.Call(FuseOpcode.Release, created.Entry.NodeId, FuseDriver.Bytes(new ReleaseIn { Handle = open })).Error);
            Assert.Equal(FuseSpec.EBADF, _guest.Call(FuseOpcode.Release, created.Entry.NodeId, FuseDriver.Bytes(new ReleaseIn { Handle = open })).Error);
            Assert.Equal(FuseSpec.EBADF, _guest.Read(open, 0, 16).Error);
        }

        Assert.Equal(300_000ul, _guest.Host.MockCounters["write_bytes"]);
    }

    [Fact]
    public void A_megabyte_moves_in_one_request()
    {
        byte[] data = RandomNumberGenerator.GetBytes(1 << 20);
        CreateOut created = _guest.Create(Root, "data").As<CreateOut>();
        Assert.Equal(1u << 20, _guest.Write(created.Open.Handle, 0, data).As<WriteOut>().Size);
        Assert.Equal(data, _guest.Read(created.Open.Handle, 0, 1 << 20).Body);
    }

    [Fact]
    public void Appending_and_truncating_at_open_work()
    {
        File.WriteAllText(_guest.PathOf("log"), "one,");
        ulong node = _guest.Node("log");
        ulong handle = _guest.Open(node, FuseSpec.O_WRONLY | FuseSpec.O_APPEND).As<OpenOut>().Handle;
        _guest.Write(handle, 0, "two"u8);
        Assert.Equal("one,two", File.ReadAllText(_guest.PathOf("log")));
        _guest.Open(node, FuseSpec.O_WRONLY | FuseSpec.O_TRUNC).As<OpenOut>();
        Assert.Equal(0, new FileInfo(_guest.PathOf("log")).Length);
    }

    [Fact]
    public void Creating_what_is_there_opens_it_unless_it_must_be_new()
    {
        File.WriteAllText(_guest.PathOf("there"), "old");
        Assert.Equal(FuseSpec.EEXIST, _guest.Create(Root, "there", FuseSpec.O_RDWR | FuseSpec.O_EXCL).Error);
        CreateOut opened = _guest.Create(Root, "there").As<CreateOut>();
        Assert.Equal("old"u8, _guest.Read(opened.Open.Handle, 0, 16).Body);
        CreateOut emptied = _guest.Create(Root, "there", FuseSpec.O_RDWR | FuseSpec.O_TRUNC).As<CreateOut>();
        Assert.Equal(0ul, emptied.Entry.Attributes.Size);
    }

    [Fact]
    public void Directories_are_made_listed_and_removed()
    {
        for (int i = 0; i < 300; i++) File.WriteAllText(_guest.PathOf($"a file with number {i}"), "x");
        ulong made = _guest.Call(FuseOpcode.MkDir, Root, [.. FuseDriver.Bytes(new MkDirIn { Mode = 0x1ed }), .. FuseDriver.Text("dir")]).As<EntryOut>().NodeId;
        Assert.True(Directory.Exists(_guest.PathOf("dir")));
        foreach (bool plus in new[] { false, true })
        {
            Dictionary<string, DirEntry> entries = List(Root, plus, 4096);
            Assert.Equal(303, entries.Count);
            Assert.Equal(entries["."].Inode, entries[".."].Inode);   // nothing is told of what is above
            Assert.Equal((uint)4, entries["dir"].Type);              // DT_DIR
            Assert.Equal(303, List(Root, plus, 65536).Count);
            Assert.Equal(303, List(Root, plus, 600).Count);
        }

        Assert.Equal(FuseSpec.ENOTDIR, _guest.Call(FuseOpcode.OpenDir, _guest.Node("a file with number 1"), FuseDriver.Bytes(default(OpenIn))).Error);
        Assert.Equal(FuseSpec.EISDIR, _guest.Open(made, FuseSpec.O_RDONLY).Error);
        Assert.Equal(FuseSpec.EISDIR, _guest.Call(FuseOpcode.Unlink, Root, FuseDriver.Text("dir")).Error);
        Assert.Equal(0, _guest.Call(FuseOpcode.RmDir, Root, FuseDriver.Text("dir")).Error);
        Assert.False(Directory.Exists(_guest.PathOf("dir")));
        Assert.Equal(0, _guest.Call(FuseOpcode.Unlink, Root, FuseDriver.Text("a file with number 7")).Error);
        Assert.False(File.Exists(_guest.PathOf("a file with number 7")));
    }

    [Theory]
    [InlineData(false, "/tmp")]
    [InlineData(true, "/tmp")]
    [InlineData(false, "/dev/shm")]   // a filesystem whose offsets count entries
    [InlineData(true, "/dev/shm")]
    public void A_directory_that_is_emptied_while_it_is_read_gives_every_name(bool plus, string above)
    {
        const int Files = 500;
        using var guest = new FuseDriver(above: above);
        for (int i = 0; i < Files; i++) File.WriteAllText(guest.PathOf($"file {i}"), "");
        ulong handle = guest.Call(FuseOpcode.OpenDir, Root, FuseDriver.Bytes(default(OpenIn))).As<OpenOut>().Handle;
        ulong offset = 0;
        int removed = 0;
        while (true)
        {
            FuseAnswer answer = guest.Call(
                plus ? FuseOpcode.ReadDirPlus : FuseOpcode.ReadDir, Root, FuseDriver.Bytes(new TransferIn { Handle = handle, Offset = offset, Size = 1000 }), 1000);
            if (answer.Body.Length == 0) break;
            for (int at = 0; at < answer.Body.Length;)
            {
                int head = plus ? Unsafe.SizeOf<EntryOut>() : 0;
                DirEntry entry = answer.As<DirEntry>(at + head);
                string name = Encoding.UTF8.GetString(answer.Body, at + head + 24, (int)entry.NameLength);
                if (name[0] != '.') Assert.Equal(0, guest.Call(FuseOpcode.Unlink, Root, FuseDriver.Text(name)).Error);
                if (name[0] != '.') removed++;
                offset = entry.Offset;
                at += (head + 24 + (int)entry.NameLength + 7) & ~7;
            }
        }

        Assert.Equal(Files, removed);
        Assert.Empty(Directory.GetFileSystemEntries(guest.Shared));
    }

    [Fact]
    public void Names_move_and_get_company()
    {
        Directory.CreateDirectory(_guest.PathOf("from"));
        Directory.CreateDirectory(_guest.PathOf("to"));
        File.WriteAllText(_guest.PathOf("from/a"), "a");
        ulong from = _guest.Node("from"), to = _guest.Node("to"), file = _guest.Node("from/a");
        Assert.Equal(0, _guest.Call(FuseOpcode.Rename, from, [.. FuseDriver.Bytes(to), .. FuseDriver.Text("a"), .. FuseDriver.Text("b")]).Error);
        Assert.Equal(file, _guest.Node("to/b"));
        File.WriteAllText(_guest.PathOf("from/c"), "c");
        byte[] Rename2(uint flags, string name, string other) =>
            [.. FuseDriver.Bytes(new Rename2In { NewDirectory = to, Flags = flags }), .. FuseDriver.Text(name), .. FuseDriver.Text(other)];
        Assert.Equal(FuseSpec.EEXIST, _guest.Call(FuseOpcode.Rename2, from, Rename2(1, "c", "b")).Error);
        Assert.Equal(0, _guest.Call(FuseOpcode.Rename2, from, Rename2(2, "c", "b")).Error);
        Assert.Equal("c", File.ReadAllText(_guest.PathOf("to/b")));
        Assert.Equal("a", File.ReadAllText(_guest.PathOf("from/c")));
        Assert.Equal(FuseSpec.EINVAL, _guest.Call(FuseOpcode.Rename2, from, Rename2(4, "c", "d")).Error);   // a whiteout is a device node

        EntryOut linked = _guest.Call(FuseOpcode.Link, to, [.. FuseDriver.Bytes(file), .. FuseDriver.Text("again")]).As<EntryOut>();
        Assert.Equal((file, 2u), (linked.NodeId, linked.Attributes.Links));
        Assert.Equal("a", File.ReadAllText(_guest.PathOf("to/again")));
    }

    [Fact]
    public void Symbolic_links_are_made_and_read_and_never_followed()
    {
        File.WriteAllText(_guest.PathOf("file"), "x");
        EntryOut link = _guest.Call(FuseOpcode.SymLink, Root, [.. FuseDriver.Text("link"), .. FuseDriver.Text("../../etc/passwd")]).As<EntryOut>();
        Assert.Equal(FuseSpec.S_IFLNK, link.Attributes.Mode & FuseSpec.S_IFMT);
        Assert.Equal("../../etc/passwd"u8, _guest.Call(FuseOpcode.ReadLink, link.NodeId).Body);
        Assert.Equal(FuseSpec.ENXIO, _guest.Open(link.NodeId, FuseSpec.O_RDONLY).Error);
        Assert.Equal(FuseSpec.EINVAL, _guest.Call(FuseOpcode.ReadLink, _guest.Node("file")).Error);
        Assert.Equal(link.NodeId, _guest.Lookup(Root, "link").As<EntryOut>().NodeId);
        Assert.Equal(0, _guest.Call(FuseOpcode.Unlink, Root, FuseDriver.Text("link")).Error);
    }

    [Fact]
    public void Ranges_are_allocated_found_and_copied()
    {
        CreateOut created = _guest.Create(Root, "file").As<CreateOut>();
        ulong node = created.Entry.NodeId, handle = created.Open.Handle;
        Assert.Equal(0, _guest.Call(FuseOpcode.FAllocate, node, FuseDriver.Bytes(new FAllocateIn { Handle = handle, Length = 65536 })).Error);
        Assert.Equal(65536, new FileInfo(_guest.PathOf("file")).Length);
        Assert.Equal(FuseSpec.EOPNOTSUPP, _guest.Call(FuseOpcode.FAllocate, node, FuseDriver.Bytes(new FAllocateIn { Handle = handle, Length = 1, Mode = 8 })).Error);
        _guest.Write(handle, 0, "abcdef"u8);
        Assert.Equal(0L, _guest.Call(FuseOpcode.LSeek, node, FuseDriver.Bytes(new LSeekIn { Handle = handle, Origin = 3 })).As<long>());
        Assert.Equal(FuseSpec.EINVAL, _guest.Call(FuseOpcode.LSeek, node, FuseDriver.Bytes(new LSeekIn { Handle = handle, Origin = 0 })).Error);
        CreateOut other = _guest.Create(Root, "copy").As<CreateOut>();
        var copy = new CopyFileRangeIn { Handle = handle, Offset = 2, ToNodeId = other.Entry.NodeId, ToHandle = other.Open.Handle, Length = 4 };
        Assert.Equal(4u, _guest.Call(FuseOpcode.CopyFileRange, node, FuseDriver.Bytes(copy)).As<WriteOut>().Size);
        Assert.Equal("cdef", File.ReadAllText(_guest.PathOf("copy")));
    }

    [Fact]
    public void The_filesystem_tells_its_size()
    {
        StatFsOut answer = _guest.Call(FuseOpcode.StatFs, Root).As<StatFsOut>();
        Assert.InRange(answer.Blocks, 1ul, ulong.MaxValue);
        Assert.Equal(255u, answer.NameLength);
        Assert.Equal(0, _guest.Call(FuseOpcode.SyncFs, Root, new byte[8]).Error);
        Assert.Equal(0, _guest.Call(FuseOpcode.Access, Root, new byte[8]).Error);
    }

    [Fact]
    public void What_is_not_offered_says_so()
    {
        foreach (FuseOpcode opcode in new[] { FuseOpcode.GetLk, FuseOpcode.SetLk, FuseOpcode.SetLkW, FuseOpcode.Poll, FuseOpcode.BMap, FuseOpcode.TmpFile, FuseOpcode.SetupMapping, FuseOpcode.Interrupt, (FuseOpcode)4711 })
            Assert.Equal(FuseSpec.ENOSYS, _guest.Call(opcode, Root, new byte[64]).Error);
        Assert.Equal(FuseSpec.ENOTTY, _guest.Call(FuseOpcode.IoCtl, Root, new byte[64]).Error);
    }

    [Fact]
    public void Forgotten_files_are_forgotten()
    {
        for (int i = 0; i < 10; i++) File.WriteAllText(_guest.PathOf($"f{i}"), "");
        ulong[] nodes = [.. Enumerable.Range(0, 10).Select(i => _guest.Node($"f{i}"))];
        _guest.Node("f0");   // twice
        Assert.Equal(11ul, _guest.Host.MockCounters["known_files"]);
        foreach (ulong node in nodes[..5]) Assert.Equal(0u, _guest.Call(FuseOpcode.Forget, node, FuseDriver.Bytes(1ul), room: -1, queue: 0).Written);
        Assert.Equal(7ul, _guest.Host.MockCounters["known_files"]);
        Assert.Equal(12u, _guest.Attributes(nodes[0]).Attributes.Links + 11);
        Assert.Equal(FuseSpec.ESTALE, _guest.Call(FuseOpcode.GetAttr, nodes[1], FuseDriver.Bytes(default(GetAttrIn))).Error);
        byte[] batch = [.. FuseDriver.Bytes(6ul), .. nodes[5..].Append(nodes[0]).SelectMany(node => FuseDriver.Bytes(new ForgetOne { NodeId = node, Lookups = 99 }))];
        Assert.Equal(0u, _guest.Call(FuseOpcode.BatchForget, 0, batch, room: -1, queue: 0).Written);
        Assert.Equal(1ul, _guest.Host.MockCounters["known_files"]);
        // The numbers are not given twice.
        Assert.DoesNotContain(_guest.Node("f1"), nodes);
    }

    [Fact]
    public void A_guest_that_leaves_leaves_nothing_open()
    {
        for (int i = 0; i < 50; i++) _guest.Create(Root, $"f{i}").As<CreateOut>();
        Assert.Equal(0, _guest.Call(FuseOpcode.Destroy, 0).Error);
        Assert.Equal(1ul, _guest.Host.MockCounters["known_files"]);
        Assert.DoesNotContain(
            Directory.GetFileSystemEntries("/proc/self/fd"), link => new FileInfo(link).LinkTarget?.StartsWith(_guest.Shared + "/", StringComparison.Ordinal) == true);
        _guest.Init().As<InitOut>();
        Assert.Equal(50, List(Root, plus: true, 4096).Count - 2);
    }

    private Dictionary<string, DirEntry> List(ulong node, bool plus, uint size)
    {
        var entries = new Dictionary<string, DirEntry>();
        ulong handle = _guest.Call(FuseOpcode.OpenDir, node, FuseDriver.Bytes(default(OpenIn))).As<OpenOut>().Handle;
        ulong offset = 0;
        while (true)
        {
            FuseAnswer answer = _guest.Call(
                plus ? FuseOpcode.ReadDirPlus : FuseOpcode.ReadDir, node, FuseDriver.Bytes(new TransferIn { Handle = handle, Offset = offset, Size = size }), (int)size);
            Assert.Equal(0, answer.Error);
            if (answer.Body.Length == 0) break;
            for (int at = 0; at < answer.Body.Length;)
            {
                int head = plus ? Unsafe.SizeOf<EntryOut>() : 0;
                DirEntry entry = answer.As<DirEntry>(at + head);
                string name = Encoding.UTF8.GetString(answer.Body, at + head + 24, (int)entry.NameLength);
                Assert.True(entries.TryAdd(name, entry), name);
                if (plus) Assert.Equal(name is "." or "..", answer.As<EntryOut>(at).NodeId == 0);
                offset = entry.Offset;
                at += (head + 24 + (int)entry.NameLength + 7) & ~7;
            }
        }

        Assert.Equal(0, _guest.Call(FuseOpcode.FSyncDir, node, FuseDriver.Bytes(new FSyncIn { Handle = handle })).Error);
        Assert.Equal(0, _guest.Call(FuseOpcode.ReleaseDir, node, FuseDriver.Bytes(new ReleaseIn { Handle = handle })).Error);
        return entries;
    }
}
