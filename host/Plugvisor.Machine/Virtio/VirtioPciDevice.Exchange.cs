using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Devices;
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
        _life.Hold(deadline);
        if (_configWrites.TryEnter(deadline)) return;
        _life.EndHold();
        throw new DeviceException($"a write to its config did not return within {deadline.TotalSeconds:0.##} s");
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
        string? error = null;
        if (!BoundedCall.Run(nameof(IVirtioDevice.StartQueue), () => error = _life.Exchange(successor), deadline, out string? unexpected))
        {
            // Which instance has which queue is not known any more.
            _life.Abandon();
            _latch.Set(unexpected!);
        }

        _configReads.Open();
        error ??= unexpected;
        if (error is null) successor.Serve();
        return error;
    }

    /// <inheritdoc/>
    internal override void Revert(TimeSpan deadline)
    {
        if (_earlier is not { } earlier) return;
        _successor!.Retire();
        if (!BoundedCall.Run(nameof(IVirtioDevice.StopQueue), () => _life.Revert(earlier), deadline, out string? stuck))
        {
            _life.Abandon();
            _latch.Set(stuck!);
        }

        _ = _common.TryOffer(Offered(_traits));
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
        _configWrites.Exit();
        _life.EndHold();
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
