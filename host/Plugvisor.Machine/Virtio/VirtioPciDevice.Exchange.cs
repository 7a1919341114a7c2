using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Machine.Virtio;

/// <content>
/// Another instance takes over. Registers, negotiation, rings, interrupts and doorbells are this object's and stay as they are. While queues stand still a
/// doorbell is only noted in its eventfd, writes to device config wait, and reads of it are answered by the earlier instance.
/// </content>
public sealed partial class VirtioPciDevice
{
    private VirtioInstance? _earlier, _successor;
    private VirtioTraits? _successorTraits;

    /// <inheritdoc/>
    internal override void BeginExchange(TimeSpan deadline)
    {
        if (!_configWrites.Close(deadline)) throw new DeviceException($"a write to its config did not return within {deadline.TotalSeconds:0.##} s");
        try
        {
            _life.Hold(deadline);
        }
        catch (DeviceException)
        {
            _configWrites.Open();
            throw;
        }
    }

    /// <inheritdoc/>
    internal override void Adopt(IDevice successor)
    {
        if (successor is not IVirtioDevice device) throw new DeviceException($"it made a {successor.GetType().Name}, which is no virtio device");
        _successorTraits = device.Traits;
        CheckTraits(_successorTraits);
        var instance = new VirtioInstance(device, this);
        if (_life.IsActivated(out ulong features)) device.Activate(features, instance);
        if (instance.Failure is { } failure) throw new DeviceException(failure);
        _successor = instance;
    }

    /// <inheritdoc/>
    internal override string? Commit(TimeSpan deadline)
    {
        VirtioInstance successor = _successor!;
        // The driver may have got further since the traits were checked.
        if (_common.TryOffer(Offered(_successorTraits!)) is var missing and not 0) return Lacks(missing);
        if (!_configReads.Close(deadline)) return "a read of its config does not return";
        _earlier = _calls.Instance;
        _calls.Instance = successor;
        _configReads.Open();
        if (_life.StartSuccessor() is { } error) return error;
        successor.Serve();
        return null;
    }

    /// <inheritdoc/>
    internal override void Revert()
    {
        _ = _common.TryOffer(Offered(_traits));
        if (_earlier is not { } earlier) return;
        _successor!.Retire();
        if (_life.StopSuccessor()) _calls.Instance = earlier;
    }

    /// <inheritdoc/>
    internal override void Lose(string reason)
    {
        _life.Abandon();
        _latch.Set(reason);
    }

    /// <inheritdoc/>
    internal override void EndExchange()
    {
        if (_earlier is not null && _calls.Instance != _earlier)
        {
            _earlier.Retire();
            _traits = _successorTraits!;
        }

        _earlier = _successor = null;
        _successorTraits = null;
        _life.EndHold();
        _configWrites.Open();
    }

    /// <summary>The guest must see the same device as before.</summary>
    private void CheckTraits(VirtioTraits traits)
    {
        if (traits.DeviceType != _traits.DeviceType) throw new DeviceException($"it made a device of type {traits.DeviceType} in place of {_traits.DeviceType}");
        if (traits.ConfigLength != _traits.ConfigLength)
            throw new DeviceException($"its config space has {traits.ConfigLength} bytes instead of {_traits.ConfigLength}");
        if (traits.PciClass != _traits.PciClass || traits.Prefer32BitBar != _traits.Prefer32BitBar) throw new DeviceException("its PCI class or BAR is another");
        bool same = traits.QueueSizes.Count == _traits.QueueSizes.Count;
        for (int i = 0; same && i < traits.QueueSizes.Count; i++) same = traits.QueueSizes[i] == _traits.QueueSizes[i];
        if (_common.TryOffer(Offered(traits), onlyAsk: true) is var missing and not 0) throw new DeviceException(Lacks(missing));
        if (!same)
            throw new DeviceException($"its queues are {string.Join(", ", traits.QueueSizes)} entries long instead of {string.Join(", ", _traits.QueueSizes)}");
    }

    private static string Lacks(ulong bits)
    {
        var numbers = new List<int>();
        for (int bit = 0; bit < 64; bit++)
        {
            if (VirtioFeatures.Has(bits, bit)) numbers.Add(bit);
        }

        return $"it lacks feature bits that the driver uses: {string.Join(", ", numbers)}";
    }
}
