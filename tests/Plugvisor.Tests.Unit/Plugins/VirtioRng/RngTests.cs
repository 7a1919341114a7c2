using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioRng;

public sealed class RngTests : IDisposable
{
    private const uint MaxRequest = 64 << 10;

    private readonly GuestMemoryMock _ram = new(new MockRegion(0ul, 64u << 20), new MockRegion(0x1_0000_0000, 8ul << 30));
    private readonly MockDeviceHost _host;

    public RngTests() => _host = new MockDeviceHost(_ram);

    public void Dispose() => _ram.Dispose();

    [Fact]
    public void It_says_what_it_is_and_a_guest_gets_different_bytes_each_time()
    {
        using var rng = new DriverHarness(RngConformanceTests.CreateRng(_host), _host);
        Assert.Equal(4, rng.Device.Traits.DeviceType);
        Assert.Equal([(ushort)256], rng.Device.Traits.QueueSizes);
        rng.Start();
        ulong buffer = _ram.Allocate(64);
        var seen = new HashSet<string>();
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(64u, rng.Queues[0].Call(DriverBuffer.Writable(buffer, 40), DriverBuffer.Writable(buffer + 40, 24)));
            Assert.True(seen.Add(Convert.ToHexString(_ram.Bytes(buffer, 64))));
        }

        Assert.Equal(50ul, _host.MockCounters["read_ops"]);
        Assert.Equal(50ul * 64, _host.MockCounters["read_bytes"]);
    }

    [Fact]
    public void Hostile_35_a_request_of_four_gigabytes_gets_64_KiB_at_once()
    {
        using var rng = new DriverHarness(RngConformanceTests.CreateRng(_host), _host);
        rng.Start();
        var quick = TimeSpan.FromSeconds(5);
        TimeSpan best = Best.Of(quick, () => Assert.Equal(MaxRequest, rng.Queues[0].Call(DriverBuffer.Writable(0x1_0000_0000, uint.MaxValue))));
        Assert.InRange(best, TimeSpan.Zero, quick);
        Assert.Equal(0, _ram.Bytes(0x1_0000_0000 + MaxRequest, 4096).IndexOfAnyExcept((byte)0) + 1);
    }

    [Fact]
    public void Hostile_35_a_guest_that_asks_without_end_gets_a_bounded_rate()
    {
        using var rng = new DriverHarness(RngConformanceTests.CreateRng(_host), _host);
        rng.Start();
        ulong buffer = _ram.Allocate((int)MaxRequest);
        const int Requests = 384;   // 24 MiB: 16 at once, then 16 a second
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < Requests; i++) rng.Queues[0].Call(DriverBuffer.Writable(buffer, MaxRequest));
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.45), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void A_chain_without_room_is_given_back_empty()
    {
        using var rng = new DriverHarness(RngConformanceTests.CreateRng(_host), _host);
        rng.Start();
        Assert.Equal(0u, rng.Queues[0].Call(DriverBuffer.Readable(_ram.Allocate(16), 16)));
    }

    [Fact]
    public void A_source_that_ends_fails_the_device_with_one_line_and_gives_no_byte_twice()
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, "0123456789");
        using var rng = new DriverHarness(RngConformanceTests.CreateRng(_host, path), _host);
        rng.Start();
        ulong buffer = _ram.Allocate(16);
        Assert.Equal(10u, rng.Queues[0].Call(DriverBuffer.Writable(buffer, 16)));
        rng.Queues[0].Driver.Add(DriverBuffer.Writable(buffer, 16));
        rng.Queues[0].Driver.Add(DriverBuffer.Writable(buffer, 16));
        rng.Queues[0].Kick();
        rng.WaitFor(() => !_host.Failures.IsEmpty, "the failure");
        rng.Queues[0].Doorbell.Signal();
        rng.Stop();
        Assert.Contains(path, Assert.Single(_host.Failures));
        File.Delete(path);
    }

    [Fact]
    public void A_source_that_blocks_holds_only_the_request_and_stops_at_once()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("rng").FullName, "fifo");
        using (var mkfifo = Process.Start("mkfifo", [path])) mkfifo.WaitForExit();
        using var writer = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        using var rng = new DriverHarness(RngConformanceTests.CreateRng(_host, path), _host);
        rng.Start();
        ulong buffer = _ram.Allocate(16);
        rng.Queues[0].Driver.Add(DriverBuffer.Writable(buffer, 16));
        rng.Queues[0].Kick();
        Assert.False(DriverHarness.HoldsWithin(() => rng.Queues[0].Driver.UsedIndex != 0, TimeSpan.FromMilliseconds(30)));
        writer.Write("seed"u8);
        writer.Flush();
        Assert.Equal(4u, rng.Queues[0].Collect().Written);
        Assert.Equal("seed"u8, _ram.Bytes(buffer, 4));

        rng.Queues[0].Driver.Add(DriverBuffer.Writable(buffer, 16));
        rng.Queues[0].Kick();
        rng.Stop();
        Assert.Equal(0, rng.Queues[0].InFlight);
        Assert.Empty(_host.Failures);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public void A_source_that_is_not_there_is_an_error_that_names_it()
    {
        var error = Assert.Throws<DeviceException>(() => RngConformanceTests.CreateRng(_host, "/no/such/source"));
        Assert.Contains("__rng", error.Message);
        Assert.Contains("/no/such/source", error.InnerException!.Message);
    }
}
