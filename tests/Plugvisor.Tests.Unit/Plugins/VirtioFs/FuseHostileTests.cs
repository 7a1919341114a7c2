using Plugvisor.Linux.Trees;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>Requests that no driver makes, and more of them than a host can hold.</summary>
public sealed class FuseHostileTests
{
    private const ulong Root = FuseDriver.Root;
    private const int Last = 60;   // beyond the last operation

    [Fact]
    public void Hostile_35_fs_requests_that_are_too_short_are_answered_and_do_nothing()
    {
        using var guest = new FuseDriver();
        File.WriteAllText(guest.PathOf("file"), "file");
        ulong request = guest.Ram.Allocate(64), answer = guest.Ram.Allocate(4096);
        guest.Ram.Write(request, new InHeader { Length = 40, Opcode = FuseOpcode.GetAttr, NodeId = Root });
        for (uint length = 0; length < 40; length++)
        {
            Assert.Equal(16u, guest.Harness.Queues[1].Call(DriverBuffer.Readable(request, length), DriverBuffer.Writable(answer, 4096)));
            Assert.Equal(-FuseSpec.EINVAL, guest.Ram.Read<OutHeader>(answer).Error);
        }

        // Every operation with less than it needs, and with a name that does not end.
        for (uint opcode = 0; opcode < Last; opcode++)
        {
            if ((FuseOpcode)opcode is FuseOpcode.Forget or FuseOpcode.BatchForget) continue;
            for (int length = 0; length < 8; length++) guest.Call((FuseOpcode)opcode, Root, new byte[length]);
            byte[] endless = new byte[200];
            endless.AsSpan().Fill((byte)'x');
            guest.Call((FuseOpcode)opcode, Root, endless);
        }

        Healthy(guest);
        Assert.Equal(["file"], Directory.GetFileSystemEntries(guest.Shared).Select(Path.GetFileName));
    }

    [Fact]
    public void Hostile_35_fs_lengths_that_lie_are_refused()
    {
        using var guest = new FuseDriver();
        foreach (uint length in new[] { 0u, 1u, 39u, 57u, 4096u, uint.MaxValue })
            Assert.Equal(FuseSpec.EINVAL, guest.Call(FuseOpcode.GetAttr, Root, new byte[16], length: length).Error);
        // A length that leaves the argument out.
        Assert.Equal(FuseSpec.EINVAL, guest.Call(FuseOpcode.GetAttr, Root, new byte[16], length: 40).Error);
        Assert.Equal(FuseSpec.EINVAL, guest.Call(FuseOpcode.SetAttr, Root, new byte[1 << 20]).Error);

        CreateOut file = guest.Create(Root, "file").As<CreateOut>();
        Assert.Equal(FuseSpec.EINVAL, guest.Write(file.Open.Handle, 0, new byte[100], size: 101).Error);
        Assert.Equal(FuseSpec.EINVAL, guest.Write(file.Open.Handle, 0, new byte[100], size: uint.MaxValue).Error);
        Assert.Equal(FuseSpec.EINVAL, guest.Write(file.Open.Handle, ulong.MaxValue, new byte[100]).Error);
        Assert.Equal(100u, guest.Write(file.Open.Handle, 0, new byte[100]).As<WriteOut>().Size);
        Assert.Equal(100, guest.Read(file.Open.Handle, 0, uint.MaxValue, room: 4096).Body.Length);
        Assert.Equal(60, guest.Read(file.Open.Handle, 0, uint.MaxValue, room: 60).Body.Length);
        Assert.Equal(FuseSpec.EINVAL, guest.Read(file.Open.Handle, ulong.MaxValue, 16).Error);
        byte[] attribute = [.. FuseDriver.Bytes(new XAttrIn { Size = uint.MaxValue }), .. FuseDriver.Text("user.x"), 1];
        Assert.Equal(FuseSpec.EINVAL, guest.Call(FuseOpcode.SetXAttr, file.Entry.NodeId, attribute).Error);
        Assert.Equal(0u, guest.Call(FuseOpcode.BatchForget, 0, [.. FuseDriver.Bytes(ulong.MaxValue), .. new byte[64]], room: -1).Written);
        Assert.Equal(100, new FileInfo(guest.PathOf("file")).Length);
        Healthy(guest);
    }

    [Fact]
    public void Hostile_35_fs_answers_without_room_leave_nothing_behind()
    {
        using var guest = new FuseDriver();
        File.WriteAllText(guest.PathOf("file"), "file");
        ulong node = guest.Node("file");
        ulong known = guest.Host.MockCounters["known_files"];
        for (int room = -1; room < 130; room += room < 0 ? 1 : 13)
        {
            guest.Call(FuseOpcode.Open, node, new byte[8], room: Math.Min(room, 15));
            guest.Call(FuseOpcode.OpenDir, Root, new byte[8], room: Math.Min(room, 15));
            guest.Call(FuseOpcode.Lookup, Root, FuseDriver.Text("file"), room: Math.Min(room, 127));
            guest.Call(FuseOpcode.MkDir, Root, [.. new byte[8], .. FuseDriver.Text("dir")], room: Math.Min(room, 127));
            guest.Call(FuseOpcode.Create, Root, [.. new byte[16], .. FuseDriver.Text("new")], room: room);
            guest.Call(FuseOpcode.GetAttr, Root, new byte[16], room: Math.Min(room, 103));
            guest.Call(FuseOpcode.ReadLink, Root, default, room: room);
        }

        Assert.Equal(["file"], Directory.GetFileSystemEntries(guest.Shared).Select(Path.GetFileName));
        Assert.Equal(known, guest.Host.MockCounters["known_files"]);
        Assert.DoesNotContain(Directory.GetFileSystemEntries("/proc/self/fd"), link =>
            new FileInfo(link).LinkTarget == guest.PathOf("file") && IsReadable(link));
        Healthy(guest);

        // O_PATH descriptors are the ones that it may have.
        static bool IsReadable(string link) => (File.ReadAllLines($"/proc/self/fdinfo/{Path.GetFileName(link)}").First(line => line.StartsWith("flags:", StringComparison.Ordinal)) is { } flags)
            && (Convert.ToInt32(flags[6..].Trim(), 8) & FuseSpec.O_PATH) == 0;
    }

    [Fact]
    public void Hostile_35_fs_numbers_that_were_never_given_are_stale()
    {
        using var guest = new FuseDriver();
        foreach (ulong node in new ulong[] { 0, 2, 3, 1ul << 32, 1ul << 32 | 1, 1ul << 32 | 2, uint.MaxValue, ulong.MaxValue, long.MaxValue })
        {
            Assert.Equal(FuseSpec.ESTALE, guest.Call(FuseOpcode.GetAttr, node, new byte[16]).Error);
            Assert.Equal(FuseSpec.ESTALE, guest.Lookup(node, "x").Error);
            Assert.Equal(FuseSpec.EBADF, guest.Read(node, 0, 16).Error);
            Assert.Equal(FuseSpec.EBADF, guest.Call(FuseOpcode.ReleaseDir, Root, FuseDriver.Bytes(new ReleaseIn { Handle = node })).Error);
            guest.Call(FuseOpcode.Forget, node, FuseDriver.Bytes(ulong.MaxValue), room: -1, queue: 0);
        }

        guest.Call(FuseOpcode.Forget, Root, FuseDriver.Bytes(ulong.MaxValue), room: -1, queue: 0);
        // The handle of a file is none of a directory.
        ulong file = guest.Create(Root, "file").As<CreateOut>().Open.Handle;
        Assert.Equal(FuseSpec.EBADF, guest.Call(FuseOpcode.ReadDir, Root, FuseDriver.Bytes(new TransferIn { Handle = file, Size = 4096 })).Error);
        Assert.Equal(FuseSpec.EBADF, guest.Call(FuseOpcode.ReleaseDir, Root, FuseDriver.Bytes(new ReleaseIn { Handle = file })).Error);
        Healthy(guest);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Hostile_35_fs_thousands_of_random_requests_break_nothing(int seed)
    {
        using var guest = new FuseDriver(budget: new DescriptorBudget(32));
        File.WriteAllText(Path.Combine(guest.Above, "secret"), "secret");
        Directory.CreateDirectory(guest.PathOf("dir"));
        var random = new Random(seed);
        string[] names = ["file", "dir", "..", "a", "b", "user.x"];
        for (int i = 0; i < 10_000; i++)
        {
            byte[] arguments = new byte[random.Next(0, 120)];
            random.NextBytes(arguments);
            // Small numbers are handles and files that exist.
            if (arguments.Length >= 8 && random.Next(2) == 0) FuseDriver.Bytes((ulong)random.Next(0, 40)).CopyTo(arguments, 0);
            byte[] name = FuseDriver.Text(names[random.Next(names.Length)]);
            if (random.Next(3) > 0) arguments = [.. arguments.AsSpan(0, Math.Min(arguments.Length, 8 * random.Next(0, 6))), .. name, .. name];
            guest.Call((FuseOpcode)random.Next(0, Last), (ulong)random.Next(0, 12), arguments, room: random.Next(-1, 9000), queue: random.Next(2));
        }

        Healthy(guest);
        Assert.Equal(["secret", "shared"], Directory.GetFileSystemEntries(guest.Above).Select(Path.GetFileName).Order());
        Assert.Equal("secret", File.ReadAllText(Path.Combine(guest.Above, "secret")));
    }

    [Fact]
    public void Hostile_35_fs_more_files_than_descriptors_stay_usable()
    {
        var budget = new DescriptorBudget(24);
        using var guest = new FuseDriver(budget: budget);
        for (int d = 0; d < 4; d++)
        {
            Directory.CreateDirectory(guest.PathOf($"d{d}/sub"));
            for (int f = 0; f < 50; f++) File.WriteAllText(guest.PathOf($"d{d}/sub/f{f}"), $"{d} {f}");
        }

        var nodes = new Dictionary<(int, int), ulong>();
        for (int d = 0; d < 4; d++)
        {
            for (int f = 0; f < 50; f++) nodes[(d, f)] = guest.Node($"d{d}/sub/f{f}");
        }

        // Directories that the guest moves are found again, with what is in them.
        Assert.Equal(0, guest.Call(FuseOpcode.Rename, Root, [.. FuseDriver.Bytes(Root), .. FuseDriver.Text("d1"), .. FuseDriver.Text("moved")]).Error);
        foreach (((int d, int f), ulong node) in nodes)
        {
            ulong handle = guest.Open(node, FuseSpec.O_RDONLY).As<OpenOut>().Handle;
            Assert.Equal(System.Text.Encoding.UTF8.GetBytes($"{d} {f}"), guest.Read(handle, 0, 64).Body);
            Assert.Equal(0, guest.Call(FuseOpcode.Release, node, FuseDriver.Bytes(new ReleaseIn { Handle = handle })).Error);
            Assert.InRange(budget.Taken, 0, 24);
        }

        // One that the host put another file in the place of is not that file any more; looked up again it is the new one.
        File.Delete(guest.PathOf("d0/sub/f0"));
        File.WriteAllText(guest.PathOf("d0/sub/other"), "x");
        File.Move(guest.PathOf("d0/sub/other"), guest.PathOf("d0/sub/f0"));
        Assert.NotEqual(nodes[(0, 0)], guest.Node("d0/sub/f0"));
        Assert.Equal(1ul, guest.Attributes(guest.Node("d0/sub/f0")).Attributes.Size);
        Healthy(guest);
    }

    [Fact]
    public void Hostile_35_fs_opening_without_end_ends_in_an_error_and_heals()
    {
        var budget = new DescriptorBudget(40);
        using var guest = new FuseDriver(budget: budget);
        File.WriteAllText(guest.PathOf("file"), "");
        ulong node = guest.Node("file");
        var handles = new List<ulong>();
        FuseAnswer answer;
        while ((answer = guest.Open(node, FuseSpec.O_RDONLY)).Error == 0) handles.Add(answer.As<OpenOut>().Handle);
        Assert.Equal(FuseSpec.ENFILE, answer.Error);
        Assert.InRange(handles.Count, 30, 40);
        Assert.Equal(FuseSpec.ENFILE, guest.Create(Root, "another").Error);
        foreach (ulong handle in handles) Assert.Equal(0, guest.Call(FuseOpcode.Release, node, FuseDriver.Bytes(new ReleaseIn { Handle = handle })).Error);
        guest.Create(Root, "another").As<CreateOut>();
        guest.Call(FuseOpcode.Destroy, 0);
        Assert.Equal(0, budget.Taken);
        Healthy(guest);
    }

    [Fact]
    public unsafe void Hostile_35_fs_looking_up_without_end_is_bounded()
    {
        string shared = Directory.CreateTempSubdirectory("plugvisor-fs").FullName;
        for (int i = 0; i < 30; i++) File.WriteAllText(Path.Combine(shared, $"f{i}"), "");
        byte[] path = FuseDriver.Text(shared);
        var budget = new DescriptorBudget(100);
        fixed (byte* first = path)
        {
            int root = TreeCalls.OpenAt(TreeCalls.NoDirectory, first, FuseSpec.O_PATH | FuseSpec.O_CLOEXEC, 0);
            TreeStatus status;
            byte empty = 0;
            Assert.Equal(0, TreeCalls.Status(root, &empty, TreeCalls.EmptyPath, &status));
            using var table = new InodeTable(root, status, most: 20, budget);
            var known = new List<ulong>();
            for (int i = 0; i < 30; i++)
            {
                byte[] name = FuseDriver.Text($"f{i}");
                fixed (byte* text = name)
                {
                    int error = table.Lookup(table.Root, text, name.Length - 1, out _, out ulong node);
                    Assert.Equal(i < 19 ? 0 : FuseSpec.ENFILE, error);
                    if (error == 0) known.Add(node);
                }
            }

            Assert.Equal(19, budget.Taken);
            foreach (ulong node in known) table.Forget(node, 1);
            Assert.Equal((1, 0), (table.Count, budget.Taken));
        }

        Directory.Delete(shared, recursive: true);
    }

    [Fact]
    public void Hostile_35_fs_pieces_of_one_byte_are_put_together()
    {
        using var guest = new FuseDriver();
        ulong request = guest.Ram.Allocate(64), answer = guest.Ram.Allocate(256);
        guest.Ram.Write(request, new InHeader { Length = 56, Opcode = FuseOpcode.GetAttr, NodeId = Root, Unique = 77 });
        DriverBuffer[] buffers =
        [
            .. Enumerable.Range(0, 56).Select(i => DriverBuffer.Readable(request + (ulong)i, 1)),
            .. Enumerable.Range(0, 120).Select(i => DriverBuffer.Writable(answer + (ulong)i, 1)),
        ];
        Assert.Equal(120u, guest.Harness.Queues[1].Call(buffers));
        Assert.Equal((120u, 0, 77ul), guest.Ram.Read<OutHeader>(answer) is var head ? (head.Length, head.Error, head.Unique) : default);
        Assert.Equal(FuseSpec.S_IFDIR, guest.Ram.Read<AttrOut>(answer + 16).Attributes.Mode & FuseSpec.S_IFMT);
    }

    [Fact]
    public void Several_queues_use_the_same_files_at_the_same_time()
    {
        const int Queues = 3, Files = 40;
        using var guest = new FuseDriver(queues: Queues, budget: new DescriptorBudget(24), size: 64 << 10);
        for (int f = 0; f < Files; f++) File.WriteAllText(guest.PathOf($"f{f}"), $"content {f}");
        var failures = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(1, Queues).Select(queue => new Thread(() => Use(queue)))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Empty(failures);
        Healthy(guest);

        void Use(int queue)
        {
            try
            {
                for (int i = 0; i < 3000; i++)
                {
                    int f = (i * 7 + queue) % Files;
                    EntryOut entry = guest.Lookup(Root, $"f{f}", queue).As<EntryOut>();
                    FuseAnswer open = guest.Call(FuseOpcode.Open, entry.NodeId, new byte[8], queue: queue);
                    // Another thread may have all descriptors for a moment.
                    if (open.Error == FuseSpec.ENFILE) continue;
                    ulong handle = open.As<OpenOut>().Handle;
                    Assert.Equal(System.Text.Encoding.UTF8.GetBytes($"content {f}"), guest.Read(handle, 0, 64, queue).Body);
                    Assert.Equal(0, guest.Call(FuseOpcode.Release, entry.NodeId, FuseDriver.Bytes(new ReleaseIn { Handle = handle }), queue: queue).Error);
                    guest.Call(FuseOpcode.Forget, entry.NodeId, FuseDriver.Bytes(1ul), room: -1, queue: queue);
                }
            }
#pragma warning disable CA1031 // Told by the test's own thread.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                lock (failures) failures.Add(exception);
            }
        }
    }

    private static void Healthy(FuseDriver guest)
    {
        Assert.Empty(guest.Host.Failures);
        Assert.False(guest.Harness.Transport.IsLatched);
        Assert.Equal(FuseSpec.S_IFDIR, guest.Attributes(Root).Attributes.Mode & FuseSpec.S_IFMT);
    }
}
