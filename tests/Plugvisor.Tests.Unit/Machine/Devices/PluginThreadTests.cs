using Plugvisor.Machine.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Devices;

/// <summary>Calls of plugins that the control loop waits for.</summary>
public sealed class PluginThreadTests
{
    [Fact]
    public void A_call_that_does_not_return_costs_its_thread_and_not_the_next_call()
    {
        using var thread = new PluginThread(TimeSpan.FromMilliseconds(20));
        using var hang = new ManualResetEventSlim();
        using var late = new ManualResetEventSlim();

        Assert.False(thread.TryRun(() => hang.Wait(TestContext.Current.CancellationToken), late.Set, out _));

        Assert.Equal("did not return within 0.02 s", thread.Overdue);
        hang.Set();
        Assert.True(late.Wait(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        using var patient = new PluginThread(TimeSpan.FromSeconds(60));
        bool ran = false;
        Assert.True(patient.TryRun(() => ran = true, null, out Exception? thrown));
        Assert.True(ran);
        Assert.Null(thrown);
    }

    [Fact]
    public void A_call_that_waits_for_others_may_take_as_much_longer()
    {
        using var thread = new PluginThread(TimeSpan.Zero);
        using var daemon = new ManualResetEventSlim();
        using var timer = new Timer(_ => daemon.Set(), null, TimeSpan.FromMilliseconds(50), Timeout.InfiniteTimeSpan);

        Assert.True(thread.TryRun(() => daemon.Wait(TestContext.Current.CancellationToken), null, out _, TimeSpan.FromSeconds(60)));

        Assert.Equal("did not return within 60 s", thread.Overdue);
    }

    [Fact]
    public void Nothing_is_waited_for_or_begun_when_the_process_is_to_end()
    {
        using var thread = new PluginThread(TimeSpan.FromSeconds(600));
        using var started = new ManualResetEventSlim();
        using var hang = new ManualResetEventSlim();
        var ender = new Thread(() =>
        {
            started.Wait(TestContext.Current.CancellationToken);
            thread.Abandon();
        });
        ender.Start();

        bool returned = thread.TryRun(
            () =>
            {
                started.Set();
                hang.Wait(TestContext.Current.CancellationToken);
            },
            null, out _);

        Assert.False(returned);
        Assert.Equal("did not return before the VMM was told to end", thread.Overdue);
        bool begun = false;
        Assert.False(thread.TryRun(() => begun = true, null, out _));
        Assert.False(begun);
        hang.Set();
        ender.Join();
    }
}
