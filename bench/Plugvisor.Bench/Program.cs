namespace Plugvisor.Bench;

/// <summary>Measures parts of Plugvisor without a VM, for profiling. The numbers that count come from real guests.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args is ["disk", var path, ..]) return DiskBench.Run(path, args.AsSpan(2));
        if (args is ["net-send" or "net-receive", var tap, ..]) return NetBench.Run(args[0] == "net-send", tap, args.AsSpan(2));
        Console.Error.WriteLine(
            """
            usage: Plugvisor.Bench disk FILE [depth=32] [secs=5] [direct=on] [engine=io_uring|sync] [bs=4096] [kick-ns=0]
              random reads from FILE through the virtio-blk plugin, driven by the mock driver: prints IOPS and kicks.
              kick-ns: how long a doorbell costs the driver, as an exit of a vCPU would.
              The same with fio: fio --name=a --filename=FILE --rw=randread --bs=4k --direct=1 --ioengine=io_uring --iodepth=32 --time_based --runtime=5
            Plugvisor.Bench net-send|net-receive TAP [size=64] [secs=3]
              frames between the virtio-net plugin and a tap, driven by the mock driver: frames a second and the queue thread's time for one.
              Receiving wants somebody who sends: tests/peers/net-peer flood=1 -- Plugvisor.Bench net-receive t0
            """);
        return 2;
    }
}
