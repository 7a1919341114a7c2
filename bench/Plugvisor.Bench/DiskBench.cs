using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioBlk;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Bench;

/// <summary>Keeps a fixed number of random reads in flight on one queue of a disk, polling the used ring as a fast driver does.</summary>
internal static class DiskBench
{
    private const int Alignment = 4096;

    public static int Run(string path, ReadOnlySpan<string> options)
    {
        int depth = Arguments.Number(options, "depth", 32), seconds = Arguments.Number(options, "secs", 5), block = Arguments.Number(options, "bs", 4096);
        int kickNanoseconds = Arguments.Number(options, "kick-ns", 0);
        bool direct = !options.Contains("direct=off"), sync = options.Contains("engine=sync");
        string json = $$"""{"path":"{{path}}","image_type":"Raw","direct":{{(direct ? "true" : "false")}},"readonly":true,"disable_io_uring":{{(sync ? "true" : "false")}}}""";

        using var ram = new GuestMemoryMock(new MockRegion(0, 256u << 20));
        var host = new MockDeviceHost(ram);
        using JsonDocument document = JsonDocument.Parse(json);
        var device = (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "bench", Config = document.RootElement }, host);
        using var harness = new DriverHarness(device, host);
        harness.Start();
        byte[] capacityBytes = new byte[8];
        device.ReadConfig(0, capacityBytes);
        long blocks = (long)(BitConverter.ToUInt64(capacityBytes) * 512 / (ulong)block);

        MockQueue queue = harness.Queues[0];
        DriverQueue driver = queue.Driver;
        var headers = new ulong[depth];
        var chains = new DriverBuffer[depth][];
        int[] slotOf = new int[driver.Size];
        for (int i = 0; i < depth; i++)
        {
            headers[i] = ram.Allocate(16);
            chains[i] =
            [
                DriverBuffer.Readable(headers[i], 16), DriverBuffer.Writable(ram.Allocate(block, Alignment), (uint)block),
                DriverBuffer.Writable(ram.Allocate(1), 1),
            ];
        }

        driver.DisableInterrupts();
        ulong random = 88172645463325252;
        long done = 0, kicks = 0, warm = 0, warmKicks = 0, warmCpu = 0, warmBytes = 0;
        long start = Stopwatch.GetTimestamp(), warmEnd = start + Stopwatch.Frequency, end = warmEnd + seconds * Stopwatch.Frequency;
        for (int i = 0; i < depth; i++) Send(i);
        Kick();
        long now = start;
        while (now < end)
        {
            bool any = false;
            while (driver.TryCollect(out UsedChain used))
            {
                any = true;
                done++;
                Send(slotOf[used.Head]);
            }

            if (any)
            {
                driver.DisableInterrupts();
                Kick();
            }

            now = Stopwatch.GetTimestamp();
            if (warm == 0 && now >= warmEnd) (warm, warmKicks, warmCpu, warmBytes) = (done, kicks, ThreadTime.Nanoseconds("bench_q0"), GC.GetTotalAllocatedBytes());
        }

        long allocated = GC.GetTotalAllocatedBytes() - warmBytes;
        double cpu = (ThreadTime.Nanoseconds("bench_q0") - warmCpu) / (double)(done - warm);
        double measured = (now - warmEnd) / (double)Stopwatch.Frequency;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"disk {(sync ? "sync" : "io_uring")} direct={direct} depth={depth} iops={(done - warm) / measured:F0} kicks_per_s={(kicks - warmKicks) / measured:F0} queue_thread_ns_per_io={cpu:F0} allocated_bytes={allocated} latency_avg_us={host.MockCounters["read_latency_avg"]}"));
        return 0;

        void Send(int slot)
        {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            ram.Write(headers[slot] + 8, (ulong)((long)(random >> 1) % blocks * (block / 512)));
            slotOf[driver.Add(chains[slot])] = slot;
        }

        void Kick()
        {
            if (!driver.Kick()) return;
            kicks++;
            queue.Doorbell.Signal();
            if (kickNanoseconds == 0) return;
            long until = Stopwatch.GetTimestamp() + kickNanoseconds * Stopwatch.Frequency / 1_000_000_000;
            while (Stopwatch.GetTimestamp() < until) { }
        }
    }
}
