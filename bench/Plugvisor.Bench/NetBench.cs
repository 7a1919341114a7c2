using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioNet;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Bench;

/// <summary>
/// Sends frames to a tap, or receives what somebody else sends to it, through one queue pair, polling the used rings as a fast driver does.
/// </summary>
internal static class NetBench
{
    private const int HeaderSize = 12;
    private const int BufferSize = 1536;

    public static int Run(bool send, string tap, ReadOnlySpan<string> options)
    {
        int size = Arguments.Number(options, "size", 64), seconds = Arguments.Number(options, "secs", 3);
        string json = $$"""{"tap":"{{tap}}"}""";
        using var ram = new GuestMemoryMock(new MockRegion(0, 64u << 20));
        var host = new MockDeviceHost(ram);
        using JsonDocument document = JsonDocument.Parse(json);
        var device = (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "bench", Config = document.RootElement }, host);
        using var harness = new DriverHarness(device, host);
        harness.Start();
        MockQueue queue = harness.Queues[send ? 1 : 0];
        DriverQueue driver = queue.Driver;
        driver.DisableInterrupts();

        var buffers = new DriverBuffer[driver.Size];
        for (int i = 0; i < buffers.Length; i++)
        {
            ulong address = ram.Allocate(BufferSize);
            buffers[i] = send ? DriverBuffer.Readable(address, (uint)(HeaderSize + size)) : DriverBuffer.Writable(address, BufferSize);
            // A broadcast of an experimental type, which nobody takes.
            Span<byte> frame = ram.Bytes(address, BufferSize);
            frame.Slice(HeaderSize, 6).Fill(0xff);
            frame[HeaderSize + 6] = 2;
            frame[HeaderSize + 12] = 0x88;
            frame[HeaderSize + 13] = 0xb5;
        }

        long kicks = 0;
        foreach (DriverBuffer buffer in buffers) driver.Add(buffer);
        Kick();
        if (!send) Hello(harness, ram);
        long done = 0, warm = 0, warmCpu = 0, warmBytes = 0;
        long start = Stopwatch.GetTimestamp(), warmEnd = start + Stopwatch.Frequency, end = warmEnd + seconds * Stopwatch.Frequency;
        for (long now = start; now < end; now = Stopwatch.GetTimestamp())
        {
            bool any = false;
            while (driver.TryCollect(out UsedChain used))
            {
                any = true;
                done++;
                driver.Add(buffers[used.Head]);
            }

            if (any)
            {
                driver.DisableInterrupts();
                Kick();
            }

            if (warm == 0 && now >= warmEnd) (warm, warmCpu, warmBytes) = (done, ThreadTime.Nanoseconds("bench_qp0"), GC.GetTotalAllocatedBytes());
        }

        long allocated = GC.GetTotalAllocatedBytes() - warmBytes;
        double cpu = (ThreadTime.Nanoseconds("bench_qp0") - warmCpu) / (double)(done - warm);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"net {(send ? "send" : "receive")} size={size} frames_per_s={(done - warm) / (double)seconds:F0} kicks={kicks} queue_thread_ns_per_frame={cpu:F0} allocated_bytes={allocated}"));
        return 0;

        void Kick()
        {
            if (!driver.Kick()) return;
            kicks++;
            queue.Doorbell.Signal();
        }
    }

    /// <summary>Sends one frame, for which a peer may be waiting.</summary>
    private static void Hello(DriverHarness harness, GuestMemoryMock ram)
    {
        ulong address = ram.Allocate(HeaderSize + 64);
        byte[] frame = new byte[64];
        frame.AsSpan(0, 6).Fill(0xff);
        frame[12] = 0x88;
        frame[13] = 0xb5;
        frame[14] = 1;
        frame.CopyTo(ram.Bytes(address + HeaderSize, 64));
        harness.Queues[1].Call(DriverBuffer.Readable(address, HeaderSize + 64));
    }
}
