using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioFs;
using Plugvisor.Plugins.VirtioFs.Embedded;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>A guest whose shared directory gets new code.</summary>
public sealed class SuccessionTests : IDisposable
{
    private const ulong Root = FuseDriver.Root;
    private const int HandedOver = 4096;   // files that keep their descriptor

    private readonly FuseDriver _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void Files_keep_their_numbers()
    {
        Directory.CreateDirectory(_guest.PathOf("a/b"));
        File.WriteAllText(_guest.PathOf("a/b/file"), "four");
        ulong directory = _guest.Node("a/b"), file = _guest.Node("a/b/file");
        for (int i = 0; i < 3; i++)
        {
            _guest.Replace();
            Assert.Equal(4ul, _guest.Attributes(file).Attributes.Size);
            Assert.Equal(file, _guest.Lookup(directory, "file").As<EntryOut>().NodeId);
            Assert.Equal(directory, _guest.Node("a/b"));
        }
    }

    [Fact]
    public void How_often_the_guest_was_told_of_a_file_is_kept()
    {
        File.WriteAllText(_guest.PathOf("file"), "");
        ulong file = _guest.Node("file");
        Assert.Equal(file, _guest.Node("file"));
        _guest.Replace();
        Assert.Equal(file, _guest.Node("file"));
        Forget(file, 2);
        Assert.Equal(0, _guest.Call(FuseOpcode.GetAttr, file, FuseDriver.Bytes(default(GetAttrIn))).Error);
        Forget(file, 1);
        Assert.Equal(FuseSpec.ESTALE, _guest.Call(FuseOpcode.GetAttr, file, FuseDriver.Bytes(default(GetAttrIn))).Error);
    }

    [Fact]
    public void Open_files_go_on_also_those_without_a_name()
    {
        CreateOut named = _guest.Create(Root, "named").As<CreateOut>(), nameless = _guest.Create(Root, "nameless").As<CreateOut>();
        _guest.Write(named.Open.Handle, 0, "before"u8);
        _guest.Write(nameless.Open.Handle, 0, "before"u8);
        Assert.Equal(0, _guest.Call(FuseOpcode.Unlink, Root, FuseDriver.Text("nameless")).Error);

        _guest.Replace();

        foreach (CreateOut file in new[] { named, nameless })
        {
            Assert.Equal(6u, _guest.Write(file.Open.Handle, 6, " after"u8).As<WriteOut>().Size);
            Assert.Equal("before after", Encoding.ASCII.GetString(_guest.Read(file.Open.Handle, 0, 100).Body));
            Assert.Equal(12ul, _guest.Attributes(file.Entry.NodeId).Attributes.Size);
            Assert.Equal(0, _guest.Call(FuseOpcode.Release, file.Entry.NodeId, FuseDriver.Bytes(new ReleaseIn { Handle = file.Open.Handle })).Error);
        }

        Assert.Equal("before after", File.ReadAllText(_guest.PathOf("named")));
        Assert.Equal(["named"], Directory.GetFiles(_guest.Shared).Select(Path.GetFileName));
    }

    [Fact]
    public void A_file_that_the_host_moved_is_still_the_same()
    {
        File.WriteAllText(_guest.PathOf("file"), "same");
        ulong file = _guest.Node("file");
        File.Move(_guest.PathOf("file"), _guest.PathOf("elsewhere"));
        File.WriteAllText(_guest.PathOf("file"), "another");
        _guest.Replace();
        Assert.Equal(4ul, _guest.Attributes(file).Attributes.Size);
        Assert.NotEqual(file, _guest.Node("file"));
    }

    [Fact]
    public void The_shared_directory_itself_may_have_moved()
    {
        File.WriteAllText(_guest.PathOf("file"), "here");
        string elsewhere = Path.Combine(_guest.Above, "elsewhere");
        Directory.Move(_guest.Shared, elsewhere);
        Directory.CreateDirectory(_guest.Shared);
        _guest.Replace();
        Assert.Equal(4ul, _guest.Lookup(Root, "file").As<EntryOut>().Attributes.Size);
    }

    [Fact]
    public void A_directory_is_read_on_where_the_guest_stood()
    {
        string[] names = [.. Enumerable.Range(0, 300).Select(i => $"file{i:000}")];
        foreach (string name in names) File.WriteAllText(_guest.PathOf(name), "");
        ulong handle = _guest.Call(FuseOpcode.OpenDir, Root, FuseDriver.Bytes(default(OpenIn))).As<OpenOut>().Handle;
        var seen = new List<string>();
        ulong offset = 0;
        for (int calls = 0; ReadSome(handle, seen, ref offset); calls++)
        {
            // What the guest has seen, it removes, as rm -r does: a position by number would then be another entry's.
            foreach (string name in seen.Where(name => File.Exists(_guest.PathOf(name)))) File.Delete(_guest.PathOf(name));
            if (calls % 3 == 0) _guest.Replace();
        }

        Assert.Equal(names, seen.Where(name => name[0] != '.').Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Numbers_that_were_used_do_not_come_again()
    {
        var files = new HashSet<ulong>();
        var handles = new HashSet<ulong>();
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < 3; i++)
            {
                CreateOut made = _guest.Create(Root, $"file{round}.{i}").As<CreateOut>();
                Assert.True(files.Add(made.Entry.NodeId) && handles.Add(made.Open.Handle), $"{made.Entry.NodeId:x} or {made.Open.Handle:x} came before");
                Assert.Equal(0, _guest.Call(FuseOpcode.Release, made.Entry.NodeId, FuseDriver.Bytes(new ReleaseIn { Handle = made.Open.Handle })).Error);
                Forget(made.Entry.NodeId, 1);
            }

            _guest.Replace();
            foreach (ulong file in files) Assert.Equal(FuseSpec.ESTALE, _guest.Call(FuseOpcode.GetAttr, file, FuseDriver.Bytes(default(GetAttrIn))).Error);
            foreach (ulong handle in handles) Assert.Equal(FuseSpec.EBADF, _guest.Read(handle, 0, 16).Error);
        }
    }

    [Fact]
    public void More_files_than_keep_their_descriptor_are_found_by_name()
    {
        const int Files = HandedOver + 500;
        ulong[] numbers = new ulong[Files];
        for (int i = 0; i < Files; i++)
        {
            File.WriteAllText(_guest.PathOf($"file{i}"), i.ToString());
            numbers[i] = _guest.Node($"file{i}");
        }

        File.Delete(_guest.PathOf("file0"));   // the oldest of all; without a name it keeps its descriptor
        File.Move(_guest.PathOf("file1"), _guest.PathOf("elsewhere"));
        var budget = new DescriptorBudget(10_000);
        _guest.Replace(budget);
        Assert.Equal(HandedOver + 1, budget.Taken);
        Assert.Equal((ulong)Files + 1, _guest.Host.MockCounters["known_files"]);
        Assert.Equal(0u, _guest.Attributes(numbers[0]).Attributes.Links);
        Assert.Equal(FuseSpec.ESTALE, _guest.Call(FuseOpcode.GetAttr, numbers[1], FuseDriver.Bytes(default(GetAttrIn))).Error);
        for (int i = 2; i < Files; i++) Assert.Equal((ulong)i.ToString().Length, _guest.Attributes(numbers[i]).Attributes.Size);
        Assert.Equal(1ul, _guest.Lookup(Root, "elsewhere").As<EntryOut>().Attributes.Size);
    }

    [Fact]
    public void Descriptors_are_counted_by_the_one_that_has_them()
    {
        DescriptorBudget first = new(100), second = new(100);
        using var guest = new FuseDriver(budget: first);
        guest.Create(Root, "open");
        Assert.Equal(2, first.Taken);
        guest.Replace(second);
        Assert.Equal((0, 2), (first.Taken, second.Taken));
        guest.Harness.Reset();
        Assert.Equal((0, 0), (first.Taken, second.Taken));
    }

    [Fact]
    public void A_state_that_is_cut_off_or_too_large_is_refused_and_leaves_nothing_open()
    {
        _guest.Create(Root, "open");
        _guest.Node("open");
        _guest.Harness.Stop();
        var device = (IHandsOver)_guest.Harness.Device;
        ReadOnlyMemory<byte> state = device.Save();
        SafeHandle[] handles = [.. device.Handover];
        Assert.Equal(3, handles.Length);
        var budget = new DescriptorBudget(100);
        var host = new MockDeviceHost(_guest.Ram);
        for (int length = 1; length < state.Length; length++)
            Assert.Throws<DeviceException>(() => FuseDriver.Make(host, _guest.Shared, budget: budget, state: state[..length], inherited: handles));
        Assert.Throws<DeviceException>(() => FuseDriver.Make(host, _guest.Shared, budget: budget, state: state, inherited: handles[..^1]));
        Assert.Throws<DeviceException>(() => FuseDriver.Make(host, _guest.Shared, budget: budget, state: state, inherited: [.. handles, handles[0]]));
        Assert.Contains("did not come along", Assert.Throws<DeviceException>(
            () => FuseDriver.Make(host, _guest.Shared, budget: budget, state: state)).Message, StringComparison.Ordinal);
        Assert.Equal(0, budget.Taken);

        using var server = new FuseServer(_guest.Shared, readOnly: false, CachePolicy.Auto, inodes: 1024, budget);
        Assert.Contains("knows 1 files, more than the 0", Assert.Throws<DeviceException>(
            () => State.Save("_fs0", server, [], most: 0)).Message, StringComparison.Ordinal);
    }

    private void Forget(ulong node, ulong lookups) => _guest.Call(FuseOpcode.Forget, node, FuseDriver.Bytes(lookups), room: -1);

    /// <summary>Reads a few entries.</summary>
    private bool ReadSome(ulong handle, List<string> names, ref ulong offset)
    {
        byte[] entries = _guest.Call(FuseOpcode.ReadDir, Root, FuseDriver.Bytes(new TransferIn { Handle = handle, Offset = offset, Size = 400 }), room: 400).Body;
        for (int at = 0; at < entries.Length;)
        {
            offset = BitConverter.ToUInt64(entries, at + 8);
            int length = BitConverter.ToInt32(entries, at + 16);
            names.Add(Encoding.UTF8.GetString(entries, at + 24, length));
            at += (24 + length + 7) & ~7;
        }

        return entries.Length > 0;
    }
}
