using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Testing.Devices;
using Xunit;

namespace Plugvisor.Testing.Conformance;

// Of another instance that takes over.
public abstract partial class PciDeviceConformance
{
    [Fact]
    public void A_successor_is_the_same_device()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable) return;   // an optional power
        var random = new Random(4);
        for (int round = 0; round < 10; round++)
        {
            rig.AccessAll(random);
            PciTraits before = rig.Traits;
            var bells = Bells(rig.Device);
            rig.Replace(this);
            Assert.Equal(bells, Bells(rig.Device));
            PciTraits now = rig.Traits;
            Assert.Equal((before.VendorId, before.DeviceId, before.ClassCode, before.Revision), (now.VendorId, now.DeviceId, now.ClassCode, now.Revision));
            Assert.Equal((before.SubsystemVendorId, before.SubsystemId, before.Msix), (now.SubsystemVendorId, now.SubsystemId, now.Msix));
            Assert.Equal(before.Bars, now.Bars);
            Assert.Equal(before.OwnedConfig, now.OwnedConfig);
            Assert.Equal(before.Capabilities.Select(Words), now.Capabilities.Select(Words));
            rig.Healthy();
        }

        rig.AccessAll(random);
        rig.Healthy();

        static (int, ulong)[] Bells(IPciDevice device) => [.. ((device as IPciDoorbells)?.Doorbells ?? []).Select(bell => (bell.Bar, bell.Offset))];

        static string Words(PciCapability capability) => $"{capability.Id} at {capability.Offset}: {Convert.ToHexString(capability.Body.Span)}";
    }

    [Fact]
    public void A_device_that_was_saved_goes_on_when_nobody_takes_over()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable device) return;   // an optional power
        var random = new Random(5);
        rig.AccessAll(random);
        var pausable = device as IPausable;
        pausable?.Pause();
        byte[] state = device.Save().ToArray();
        Assert.NotEmpty(state);
        Assert.Equal(state, device.Save().ToArray());
        pausable?.Resume();
        rig.AccessAll(random);
        rig.Healthy();
    }

    [Fact]
    public void A_state_of_an_unknown_version_is_refused_in_words()
    {
        using var rig = new Rig(this);
        if (rig.Device is not ISnapshottable device) return;   // an optional power
        (device as IPausable)?.Pause();
        byte[] state = device.Save().ToArray();
        state[0] = 0xff;
        MockDeviceHost host = rig.AnotherHost(this);
        DeviceException e = Assert.Throws<DeviceException>(() => CreateSuccessor(host, state, (device as IHandsOver)?.Handover ?? []));
        Assert.Contains("255", e.Message, StringComparison.Ordinal);
        (device as IPausable)?.Resume();
        rig.AccessAll(new Random(6));
        rig.Healthy();
    }
}
