using System.Buffers.Binary;
using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Tests.Unit.Linux;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>
/// Hostile cases 28 and 29 together: what guest and host do to a disk whose host does not answer, by way of its registers. The deadline
/// is 150 ms here; it is 30 s in earnest.
/// </summary>
public sealed class StalledResetTests : IDisposable
{
    private const ulong Header = 0x1000, Data = 0x2000, Status = 0x3000, Slow = 1024;
    private const int Bytes = 4096;

    private readonly VirtioPciMachine _machine = new(TimeSpan.FromMilliseconds(150), startsPerSecond: 0);
    private readonly GuestMemoryMock _unused = new();
    private readonly TemporaryFile _file = new(DiskRig.Content());
    private readonly TemporaryFile _otherFile = new(DiskRig.Content());
    private readonly FaultyDisk _disk = new() { Holds = (_, sector) => sector >= Slow };
    private readonly GuestDriver _guest, _other;
    private readonly byte[] _word = new byte[2];

    public StalledResetTests()
    {
        _guest = Add(_file, "_disk0", _disk);
        _other = Add(_otherFile, "_disk1", null);
        _guest.Start(0);
        _other.Start(1);   // its queue 1 has its rings elsewhere
    }

    public void Dispose()
    {
        _disk.Release();
        _machine.Dispose();
        _file.Dispose();
        _otherFile.Dispose();
        _unused.Dispose();
    }

    [Fact]
    public void Hostile_28_and_29_A_reset_leaves_the_vcpu_alone_and_is_done_when_the_last_request_is()
    {
        Stall();
        Fill(0xc5);
        long start = Stopwatch.GetTimestamp();
        _guest.SetStatus(0);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 4);
        Assert.NotEqual(0, _guest.StatusNow);
        OtherWorks();
        Assert.True(_guest.AwaitStatus(15 | GuestDriver.NeedsReset));   // the deadline
        _guest.SetStatus(0);
        _guest.SetStatus(1);
        OtherWorks();
        Assert.True(Holds(0xc5));
        Assert.Contains("did not stop within", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);

        _disk.Release();
        Assert.True(_guest.AwaitStatus(0));
        Fill(0xc5);
        Assert.False(DriverHarness.HoldsWithin(() => !Holds(0xc5), TimeSpan.FromMilliseconds(50)), "a late write to guest memory");
        ClearRings();
        _guest.Start(0);
        Assert.Equal(DiskRig.Expected(8, Bytes), Read(_guest, 0, 8));
    }

    [Fact]
    public void Hostile_28_and_29_A_reset_at_whatever_moment_after_a_doorbell_leaves_the_vcpu_alone()
    {
        int stalled = 0;
        TimeSpan best = TimeSpan.MaxValue;   // of those that met a stalled request
        for (int round = 0; round < 300 || (stalled == 0 && round < 3000); round++)   // a busy machine is slow to take the request
        {
            Submit(_guest, 0, Slow, Header, Data, Status);
            Thread.SpinWait(round * 20);
            long start = Stopwatch.GetTimestamp();
            using (var rescue = new Timer(_ => _disk.Release(), null, 5000, Timeout.Infinite)) _guest.SetStatus(0);   // else this would hang
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            Assert.InRange(took.TotalSeconds, 0, 4);
            if (_guest.StatusNow != 0)
            {
                stalled++;
                if (took < best) best = took;
            }

            _disk.Release();
            Assert.True(_guest.AwaitStatus(0));
            _disk.HoldAgain();
            ClearRings();
            _guest.Start(0);
        }

        Assert.True(stalled > 0, "no reset met a stalled request");
        Assert.InRange(best.TotalSeconds, 0, 1);
    }

    [Fact]
    public void Hostile_28_and_29_A_pause_gives_up_and_the_disk_goes_on()
    {
        Stall();
        Assert.Contains("did not stop its queues within", Assert.Throws<DeviceException>(_guest.Device.Pause).Message, StringComparison.Ordinal);
        OtherWorks();
        _disk.Release();
        Assert.True(SpinWait.SpinUntil(() => StatusByte(Status) == DiskRig.Ok, TimeSpan.FromSeconds(10)));
        Assert.Equal(15, _guest.StatusNow);
        _guest.Device.Pause();
        _guest.Device.Resume();
        _machine.Memory.TryRead(0x30000 + 2, _word);
        Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(_word));   // used.idx
    }

    [Fact]
    public void Hostile_28_and_29_A_removed_disk_that_stalls_is_reported_and_keeps_what_its_host_may_still_use()
    {
        Stall();
        Assert.False(_guest.Device.Remove());
        Assert.Contains("did not stop", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        OtherWorks();
        _disk.Release();
        Assert.True(SpinWait.SpinUntil(() => StatusByte(Status) == DiskRig.Ok, TimeSpan.FromSeconds(10)));
    }

    private GuestDriver Add(TemporaryFile file, string id, IEngineLayer? layer)
    {
        var host = new MockDeviceHost(_unused);
        if (layer is not null) host.Offer(layer);
        return _machine.Add(DiskRig.Create(host, file.Path, "io_uring", c => c["num_queues"] = 2, id), id);
    }

    private void ClearRings()
    {
        _machine.Memory.TryWrite(0x20000, new byte[4]);
        _machine.Memory.TryWrite(0x30000, new byte[4]);
    }

    private void Stall()
    {
        Submit(_guest, 0, Slow, Header, Data, Status);
        Assert.True(SpinWait.SpinUntil(() => _disk.Held == 1, TimeSpan.FromSeconds(10)));
    }

    private void OtherWorks()
    {
        for (ulong sector = 0; sector < 10; sector++) Assert.Equal(DiskRig.Expected((int)sector, Bytes), Read(_other, 1, sector));
    }

    private byte[] Read(GuestDriver guest, int queue, ulong sector)
    {
        const ulong header = 0x4000, data = 0x5000, status = 0x6000;
        Submit(guest, queue, sector, header, data, status);
        Assert.True(SpinWait.SpinUntil(() => StatusByte(status) != DiskRig.Untouched, TimeSpan.FromSeconds(10)));
        Assert.Equal(DiskRig.Ok, StatusByte(status));
        byte[] read = new byte[Bytes];
        _machine.Memory.TryRead(data, read);
        return read;
    }

    /// <summary>Makes a read available in descriptors 0 to 2 of a queue that <see cref="GuestDriver.Start"/> placed.</summary>
    private void Submit(GuestDriver guest, int queue, ulong sector, ulong header, ulong data, ulong status)
    {
        ulong rings = (ulong)queue * 0x40000;
        byte[] bytes = new byte[48];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), sector);
        _machine.Memory.TryWrite(header, bytes.AsSpan(0, 16));
        _machine.Memory.TryWrite(status, [DiskRig.Untouched]);
        Descriptor(bytes, 0, header, 16, 1, 1);
        Descriptor(bytes, 1, data, Bytes, 3, 2);
        Descriptor(bytes, 2, status, 1, 2, 0);
        _machine.Memory.TryWrite(0x10000 + rings, bytes);
        _machine.Memory.TryRead(0x20000 + rings + 2, _word);
        ushort next = BinaryPrimitives.ReadUInt16LittleEndian(_word);
        _machine.Memory.TryWrite(0x20000 + rings + 4 + 2 * (ulong)(next % 16), [0, 0]);
        BinaryPrimitives.WriteUInt16LittleEndian(_word, (ushort)(next + 1));
        _machine.Memory.TryWrite(0x20000 + rings + 2, _word);
        guest.Kick(queue);
    }

    private static void Descriptor(byte[] table, int index, ulong address, uint length, ushort flags, ushort next)
    {
        Span<byte> at = table.AsSpan(16 * index);
        BinaryPrimitives.WriteUInt64LittleEndian(at, address);
        BinaryPrimitives.WriteUInt32LittleEndian(at[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(at[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(at[14..], next);
    }

    private byte StatusByte(ulong address)
    {
        byte[] one = new byte[1];
        _machine.Memory.TryRead(address, one);
        return one[0];
    }

    private void Fill(byte value)
    {
        byte[] page = new byte[Bytes];
        Array.Fill(page, value);
        _machine.Memory.TryWrite(Data, page);
    }

    private bool Holds(byte value)
    {
        byte[] page = new byte[Bytes];
        _machine.Memory.TryRead(Data, page);
        return !page.AsSpan().ContainsAnyExcept(value);
    }
}
