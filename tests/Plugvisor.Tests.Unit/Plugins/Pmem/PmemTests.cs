using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Files;
using Plugvisor.Plugins.Pmem;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Linux;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Pmem;

public sealed class PmemTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly GuestMemoryMock _ram = new();
    private readonly MockDeviceMemory _memory = new();
    private readonly MockDeviceHost _host;

    public PmemTests()
    {
        _host = new MockDeviceHost(_ram);
        _host.Offer<IDeviceMemory>(_memory);
    }

    public void Dispose() => _ram.Dispose();

    internal static IVirtioDevice Create(IDeviceHost host, string file, string more = "")
    {
        using JsonDocument config = JsonDocument.Parse($$"""{"file":"{{file}}"{{more}}}""");
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "_pmem0", Config = config.RootElement }, host);
    }

    [Fact]
    public void It_says_what_it_is_and_the_guest_finds_the_file_where_config_space_says()
    {
        using var file = new TemporaryFile("at the start"u8, 4 * MiB);
        using (IVirtioDevice device = Create(_host, file.Path))
        {
            Assert.Equal(27, device.Traits.DeviceType);
            Assert.Equal([(ushort)256], device.Traits.QueueSizes);
            Assert.Equal(0ul, device.Traits.Features);
            Span<byte> config = stackalloc byte[16];
            device.ReadConfig(0, config);
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(config);
            Assert.Equal(4ul * MiB, BinaryPrimitives.ReadUInt64LittleEndian(config[8..]));
            HostMapping mapping = _memory.Placed[start];
            Assert.Equal(4ul * MiB, mapping.Length);
            Assert.Equal(0, mapping.Handle.DangerousGetHandle() % (2 * MiB));
            Assert.Equal((byte)'a', Marshal.ReadByte(mapping.Handle.DangerousGetHandle()));
            Marshal.WriteByte(mapping.Handle.DangerousGetHandle(), (byte)'A');
        }

        Assert.Empty(_memory.Placed);
        Assert.Equal((byte)'A', file.ReadAll()[0]);
    }

    [Fact]
    public void With_discarded_writes_the_file_stays_and_only_reading_is_locked()
    {
        using var file = new TemporaryFile("at the start"u8, 2 * MiB);
        using (IVirtioDevice one = Create(_host, file.Path, ",\"discard_writes\":true"))
        using (IVirtioDevice two = Create(_host, file.Path, ",\"discard_writes\":true"))
        {
            foreach (HostMapping mapping in _memory.Placed.Values) Marshal.WriteByte(mapping.Handle.DangerousGetHandle(), (byte)'A');
            Assert.Contains("could not be locked for writing", Assert.Throws<DeviceException>(() => Create(_host, file.Path)).Message, StringComparison.Ordinal);
        }

        using (Create(_host, file.Path))
        {
            DeviceException reader = Assert.Throws<DeviceException>(() => Create(_host, file.Path, ",\"discard_writes\":true"));
            Assert.Contains("could not be locked for reading: somebody writes to it", reader.Message, StringComparison.Ordinal);
        }

        Assert.Equal((byte)'a', file.ReadAll()[0]);
    }

    [Theory]
    [InlineData(3 * MiB, "", "3145728 bytes of file=")]
    [InlineData(0, "", "of 0 bytes; give a size= of at least 2 MiB")]
    [InlineData(4 * MiB, ",\"size\":1048576", "1048576 bytes of file=")]
    [InlineData(4 * MiB, ",\"size\":0", "of 0 bytes; give a size= of at least 2 MiB")]
    [InlineData(4 * MiB, ",\"size\":9223372036854775808", "are more than a file can have")]
    [InlineData(2 * MiB, ",\"size\":4194304", "has 2097152 bytes, fewer than size=4194304")]
    public void A_size_that_cannot_be_is_refused_in_words(long length, string more, string words)
    {
        using var file = new TemporaryFile(length: length);
        DeviceException error = Assert.Throws<DeviceException>(() => Create(_host, file.Path, more));
        Assert.Contains("_pmem0", error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains(file.Path, error.Message, StringComparison.Ordinal);
        if (words.Contains("bytes of file", StringComparison.Ordinal)) Assert.Contains("multiple of 2 MiB", error.Message, StringComparison.Ordinal);
        using IVirtioDevice unlocked = Create(_host, CreateWhole(file));
    }

    [Fact]
    public void A_directory_needs_a_size_and_gives_a_file_without_a_name()
    {
        string folder = Directory.CreateTempSubdirectory("pmem").FullName;
        Assert.Contains("is a directory, so size= has to say", Assert.Throws<DeviceException>(() => Create(_host, folder)).Message, StringComparison.Ordinal);
        using (Create(_host, folder, ",\"size\":2097152")) Assert.Empty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder);
    }

    [Fact]
    public void What_is_no_file_or_not_there_is_refused_in_words()
    {
        Assert.Contains("neither a file nor", Assert.Throws<DeviceException>(() => Create(_host, "/dev/null")).Message, StringComparison.Ordinal);
        DeviceException gone = Assert.Throws<DeviceException>(() => Create(_host, "/no/such/file"));
        Assert.Contains("/no/such/file", gone.InnerException!.Message, StringComparison.Ordinal);
        var bare = new MockDeviceHost(_ram);
        Assert.Contains("no place for memory", Assert.Throws<DeviceException>(() => Create(bare, "/no/such/file")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void When_the_memory_has_no_place_the_file_is_given_back()
    {
        using var file = new TemporaryFile(length: 2 * MiB);
        _memory.Refusal = "no room";
        Assert.Equal("no room", Assert.Throws<DeviceException>(() => Create(_host, file.Path)).Message);
        _memory.Refusal = null;
        Create(_host, file.Path).Dispose();
    }

    [Fact]
    public void All_flushes_that_wait_are_answered_by_one_look_at_the_file()
    {
        using var file = new TemporaryFile(length: 2 * MiB);
        using var pmem = new DriverHarness(Create(_host, file.Path), _host);
        pmem.Activate();
        ulong[] answers = new ulong[100];
        for (int i = 0; i < answers.Length; i++)
        {
            answers[i] = _ram.Allocate(4);
            _ram.Write(answers[i], 0xdeadbeefu);
            pmem.Queues[0].Driver.Add(DriverBuffer.Readable(_ram.Allocate(4), 4), DriverBuffer.Writable(answers[i], 4));
        }

        pmem.Queues[0].Kick();
        pmem.Queues[0].Start();
        for (int i = 0; i < answers.Length; i++) Assert.Equal(4u, pmem.Queues[0].Collect().Written);
        Assert.All(answers, answer => Assert.Equal(0u, _ram.Read<uint>(answer)));
        Assert.Equal(100ul, _host.MockCounters["flush_ops"]);
        Assert.InRange(_host.MockCounters["sync_ops"], 1ul, 2ul);
    }

    [Fact]
    public void Hostile_29_a_cut_file_is_mended_with_zeros_once_and_its_flushes_fail()
    {
        using var file = new TemporaryFile(length: 4 * MiB);
        using var pmem = new DriverHarness(Create(_host, file.Path), _host);
        pmem.Start();
        HostMapping mapping = Assert.Single(_memory.Placed.Values);
        Assert.False(mapping.Mend!());   // nothing is lost
        Assert.Equal(0u, Flush(pmem));

        using (FileStream cut = File.OpenWrite(file.Path)) cut.SetLength(MiB + 1);
        Assert.True(mapping.Mend());
        Assert.False(mapping.Mend());
        Assert.Equal(0, Marshal.ReadByte(mapping.Handle.DangerousGetHandle() + 2 * MiB));   // would end this process
        Marshal.WriteByte(mapping.Handle.DangerousGetHandle() + 4 * MiB - 1, 1);
        Assert.Equal(1u, Flush(pmem));
        using (FileStream cut = File.OpenWrite(file.Path)) cut.SetLength(0);
        Assert.True(mapping.Mend());
        Assert.Equal(0, Marshal.ReadByte(mapping.Handle.DangerousGetHandle()));
        Assert.Equal(2, _host.MockLog.Lines.Count(line => line.Contains("was cut to", StringComparison.Ordinal)));
        Assert.Empty(_host.Failures);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",\"discard_writes\":true")]
    public void A_successor_goes_on_with_pages_lock_and_address_whoever_is_disposed_first(string more)
    {
        using var file = new TemporaryFile("at the start"u8, 2 * MiB);
        IVirtioDevice first = Create(_host, file.Path, more);
        (ulong address, HostMapping mapping) = Assert.Single(_memory.Placed);
        Marshal.WriteByte(mapping.Handle.DangerousGetHandle(), (byte)'A');

        Succeed(first, file.Path, more).Dispose();   // it could not start
        Assert.Equal((byte)'A', Marshal.ReadByte(mapping.Handle.DangerousGetHandle()));
        AssertLocked(file.Path);
        IVirtioDevice second = Succeed(first, file.Path, more);
        ((IHandsOver)first).HandedOver();
        first.Dispose();
        AssertLocked(file.Path);
        Assert.Equal((byte)'A', Marshal.ReadByte(mapping.Handle.DangerousGetHandle()));
        Span<byte> config = stackalloc byte[8];
        second.ReadConfig(0, config);
        Assert.Equal(address, BinaryPrimitives.ReadUInt64LittleEndian(config));

        using (FileStream cut = File.OpenWrite(file.Path)) cut.SetLength(4096);
        Assert.True(_memory.Placed[address].Mend!());
        IVirtioDevice third = Succeed(second, file.Path, more);
        second.Dispose();
        Assert.False(_memory.Placed[address].Mend!());   // it knows what is mended already
        third.Dispose();
        Assert.Empty(_memory.Placed);
        using (FileStream grow = File.OpenWrite(file.Path)) grow.SetLength(2 * MiB);
        Create(_host, file.Path).Dispose();
    }

    [Fact]
    public void Saved_state_that_does_not_fit_is_refused_in_words_and_the_earlier_one_goes_on()
    {
        using var file = new TemporaryFile(length: 2 * MiB);
        using IVirtioDevice first = Create(_host, file.Path);
        byte[] state = ((ISnapshottable)first).Save().ToArray();
        Refused("version 9", [9, .. state[1..]]);
        Refused("too short", state[..20]);
        byte[] elsewhere = [.. state];
        elsewhere[4] ^= 1;
        Refused("has no memory", elsewhere);
        byte[] larger = [.. state];
        larger[12] = 1;
        Refused("other memory than it has saved", larger);
        Assert.Single(_memory.Placed);
        AssertLocked(file.Path);

        void Refused(string words, byte[] saved) => Assert.Contains(words, Assert.Throws<DeviceException>(() => Succeed(first, file.Path, "", saved)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void In_another_process_it_comes_to_the_same_address()
    {
        using var file = new TemporaryFile(length: 2 * MiB);
        ReadOnlyMemory<byte> state;
        ulong address;
        using (IVirtioDevice first = Create(_host, file.Path))
        {
            state = ((ISnapshottable)first).Save();
            address = Assert.Single(_memory.Placed).Key;
        }

        using (Restore(file.Path)) Assert.Equal(address, Assert.Single(_memory.Placed).Key);
        using var larger = new TemporaryFile(length: 4 * MiB);
        Assert.Contains("is this its file?", Assert.Throws<DeviceException>(() => Restore(larger.Path)).Message, StringComparison.Ordinal);

        IDevice Restore(string path)
        {
            using JsonDocument config = JsonDocument.Parse($$"""{"file":"{{path}}"}""");
            return new Plugin().Create(new DeviceRequest { Id = "_pmem0", Config = config.RootElement, SavedState = state }, _host);
        }
    }

    private IVirtioDevice Succeed(IVirtioDevice earlier, string file, string more, byte[]? saved = null)
    {
        var giver = (IHandsOver)earlier;
        byte[] state = saved ?? giver.Save().ToArray();
        using JsonDocument config = JsonDocument.Parse($$"""{"file":"{{file}}"{{more}}}""");
        using SafeHandle inherited = FileDescriptor.Duplicate(Assert.Single(giver.Handover));
        return (IVirtioDevice)new Plugin().Create(
            new DeviceRequest { Id = "_pmem0", Config = config.RootElement, SavedState = state, Inherited = [inherited] }, _host);
    }

    private void AssertLocked(string file) =>
        Assert.Contains("could not be locked for writing", Assert.Throws<DeviceException>(() => Create(_host, file)).Message, StringComparison.Ordinal);

    private static string CreateWhole(TemporaryFile file)
    {
        using FileStream grow = File.OpenWrite(file.Path);
        grow.SetLength(4 * MiB);
        return file.Path;
    }

    private uint Flush(DriverHarness pmem)
    {
        ulong answer = _ram.Allocate(4);
        Assert.Equal(4u, pmem.Queues[0].Call(DriverBuffer.Readable(_ram.Allocate(4), 4), DriverBuffer.Writable(answer, 4)));
        return _ram.Read<uint>(answer);
    }
}
