using System.Runtime.InteropServices;
using Plugvisor.Linux.Events;
using Plugvisor.Testing.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Linux.Events;

public sealed partial class EventFdTests
{
    private const int F_SETFL = 4;

    [Fact]
    public void The_counter_is_what_was_signalled_since()
    {
        using var counter = new EventFd();
        Assert.Equal(0ul, counter.Drain());
        counter.Signal();
        counter.Signal();
        Assert.Equal(2ul, counter.Drain());
        Assert.Equal(0ul, counter.Drain());
    }

    [Fact]
    public void Hostile_35_one_that_another_process_made_blocking_keeps_nobody_waiting()
    {
        using var counter = new EventFd();
        Assert.Equal(0, fcntl(counter.Descriptor, F_SETFL, 0));   // for all who have it
        ulong drained = 1;
        var thread = new Thread(() => drained = counter.Drain()) { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(DriverHarness.Deadline), "it waits");
        Assert.Equal(0ul, drained);
        counter.Signal();
        Assert.Equal(1ul, counter.Drain());
    }

    [LibraryImport("libc")]
    private static partial int fcntl(int descriptor, int command, nint argument);
}
