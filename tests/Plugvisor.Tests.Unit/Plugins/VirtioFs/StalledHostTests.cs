using System.Text;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Devices;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>A shared directory whose host does not answer.</summary>
public sealed class StalledHostTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether the host stalls. Where it cannot be made to (no FUSE, no namespaces for users), only what is so with one that answers is looked at.</summary>
    public static TheoryData<bool> Hosts => HangingDirectory.IsPossible ? [false, true] : [false];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Hostile_29_a_call_that_hangs_holds_its_queue_only_and_stopping_is_bounded(bool hangs)
    {
        using HangingDirectory? hanging = hangs ? new() : null;
        using var guest = new FuseDriver(queues: 2, share: hanging?.FullPath);
        if (hanging is null) await File.WriteAllTextAsync(guest.PathOf(HangingDirectory.FileName), "late\n", TestContext.Current.CancellationToken);
        var device = (IStopsInTime)guest.Harness.Device;
        ulong node = guest.Node(HangingDirectory.FileName);
        ulong handle = guest.Open(node, FuseSpec.O_RDONLY).As<OpenOut>().Handle;
        FuseAnswer? read = null;
        var reader = new Thread(() => read = guest.Read(handle, 0, 64));
        reader.Start();
        try
        {
            if (hanging is null) Assert.True(reader.Join(DriverHarness.Deadline));
            else await hanging.ReadAsync();

            FuseAnswer other = guest.Call(FuseOpcode.GetAttr, FuseDriver.Root, FuseDriver.Bytes(default(GetAttrIn)), queue: 2);
            Assert.Equal(FuseSpec.S_IFDIR, other.As<AttrOut>().Attributes.Mode & FuseSpec.S_IFMT);
            Assert.Equal(!hangs, device.TryStopQueue(1, s_patience, out _));
            Assert.True(device.TryStopQueue(2, DriverHarness.Deadline, out _));
            Assert.Equal(hangs, read is null);
        }
        finally
        {
            hanging?.Answer();
        }

        // It goes on stopping by itself: what hung is answered first.
        Assert.True(device.TryStopQueue(1, DriverHarness.Deadline, out _));
        Assert.True(reader.Join(DriverHarness.Deadline));
        Assert.Equal("late\n", Encoding.ASCII.GetString(read!.Body));
    }
}
