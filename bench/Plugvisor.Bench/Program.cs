namespace Plugvisor.Bench;

/// <summary>Measures parts of Plugvisor without a VM, for profiling. The numbers that count come from real guests.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args is ["disk", var path, ..]) return DiskBench.Run(path, args.AsSpan(2));
        Console.Error.WriteLine(
            """
            usage: Plugvisor.Bench disk FILE [depth=32] [secs=5] [direct=on] [engine=io_uring|sync] [bs=4096] [kick-ns=0]
              random reads from FILE through the virtio-blk plugin, driven by the mock driver: prints IOPS and kicks.
              kick-ns: how long a doorbell costs the driver, as an exit of a vCPU would.
              The same with fio: fio --name=a --filename=FILE --rw=randread --bs=4k --direct=1 --ioengine=io_uring --iodepth=32 --time_based --runtime=5
            """);
        return 2;
    }
}
