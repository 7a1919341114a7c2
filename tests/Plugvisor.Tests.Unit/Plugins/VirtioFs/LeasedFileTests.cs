using System.Diagnostics;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>A file on which a program of the host has a lease, as file servers have: who opens it waits until that program has let go, and gets no error.</summary>
public sealed class LeasedFileTests
{
    private const string Holder = """
        import fcntl, os, signal, sys
        file = os.open(sys.argv[1], os.O_RDWR)
        signal.signal(signal.SIGIO, lambda *_: print('asked', flush=True))
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        print('held', flush=True)
        sys.stdin.read()
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_guest_waits_for_the_holder(bool truncates)
    {
        using var guest = new FuseDriver(above: "/dev/shm");   // every file system that Linux has itself knows leases; this one is everywhere
        string path = guest.PathOf("file");
        await File.WriteAllTextAsync(path, "some bytes", TestContext.Current.CancellationToken);
        ulong node = guest.Node("file");
        using Process holder = Process.Start(new ProcessStartInfo("python3", ["-c", Holder, path]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        FuseAnswer? answer = null;
        var caller = new Thread(() => answer = truncates
            ? guest.Call(FuseOpcode.SetAttr, node, FuseDriver.Bytes(new SetAttrIn { Valid = FuseSpec.FATTR_SIZE, Size = 4 }))
            : guest.Open(node, FuseSpec.O_RDWR));
        try
        {
            Assert.Equal("held", await SaysAsync(holder));
            caller.Start();
            Assert.Equal("asked", await SaysAsync(holder));
            Assert.Null(answer);
        }
        finally
        {
            holder.StandardInput.Close();   // it ends, and with it the lease
        }

        Assert.True(caller.Join(DriverHarness.Deadline));
        Assert.Equal(0, answer!.Error);
        Assert.Equal(truncates ? 4 : 10, new FileInfo(path).Length);
    }

    private static async Task<string?> SaysAsync(Process process) => await process.StandardOutput.ReadLineAsync().WaitAsync(DriverHarness.Deadline);
}
