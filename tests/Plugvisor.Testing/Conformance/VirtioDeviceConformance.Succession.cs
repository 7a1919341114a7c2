using Plugvisor.Abstractions.Devices;
using Plugvisor.Testing.Devices;
using Xunit;

namespace Plugvisor.Testing.Conformance;

// Of another instance that takes over.
public abstract partial class VirtioDeviceConformance
{
    [Fact]
    public void A_successor_goes_on_where_the_device_stood()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable) return;   // an optional power
        rig.Harness.Start();
        int done = 0, added = 0;
        for (int round = 0; round < 10; round++)
        {
            while (rig.HasRoom)
            {
                rig.AddRequest(added++);
                rig.Queue.Kick();
            }

            MockDeviceHost former = rig.Harness.Host;
            rig.Replace(this);
            Assert.All(former.Threads, thread => Assert.False(thread.IsAlive, $"thread {thread.Name} outlived its device"));
            Assert.Empty(former.Failures);
            while (rig.Queue.Driver.TryCollect(out _)) done++;
        }

        rig.Collect(added - done);
        rig.RequestsComplete(5);
        rig.Healthy();
        rig.Harness.Reset();
        rig.Harness.Start();
        rig.RequestsComplete(5);
        rig.Healthy();
    }

    [Fact]
    public void A_device_that_was_saved_goes_on_when_nobody_takes_over()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable device) return;   // an optional power
        rig.Harness.Start();
        rig.RequestsComplete(3);
        rig.Harness.Stop();
        byte[] state = device.Save().ToArray();
        Assert.NotEmpty(state);
        Assert.Equal(state.Length, device.Save().Length);
        rig.Harness.Resume();
        rig.RequestsComplete(3);
        rig.Healthy();

        // It was saved before any driver came, too.
        rig.Harness.Reset();
        rig.Replace(this);
        rig.Harness.Start();
        rig.RequestsComplete(3);
        rig.Healthy();
    }

    [Fact]
    public void A_state_of_an_unknown_version_is_refused_in_words()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable device) return;   // an optional power
        byte[] state = device.Save().ToArray();
        state[0] = 0xff;
        var host = new MockDeviceHost(rig.Ram);
        Prepare(host);
        DeviceException e = Assert.Throws<DeviceException>(() => CreateSuccessor(host, state, (device as IHandsOver)?.Handover ?? []));
        Assert.Contains("255", e.Message, StringComparison.Ordinal);
        rig.Harness.Start();
        rig.RequestsComplete(3);
    }
}
