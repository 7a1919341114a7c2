using System.Globalization;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Configuration;
using Plugvisor.Machine.Devices;

namespace Plugvisor.Control;

/// <content>What a VM has of vCPUs and memory, changed while it is there.</content>
public sealed partial class Vmm
{
    /// <summary>
    /// Changes what is given. Only the balloon can be changed so far; what the VM has already is no change. Nothing is changed when it throws.
    /// </summary>
    /// <param name="vcpus">vCPUs that there are to be, or null.</param>
    /// <param name="ram">Bytes of RAM that there are to be, or null.</param>
    /// <param name="balloon">Bytes that the balloon is to hold, or null.</param>
    public void Resize(uint? vcpus, ulong? ram, ulong? balloon)
    {
        if (vcpus is { } count && count != _config!.Cpus.BootVcpus) throw NotThere("the number of vCPUs (desired_vcpus)");
        if (ram is { } size && size != _config!.Memory.Size) throw NotThere("the size of RAM (desired_ram)");
        Action change = balloon is { } held ? PlanBalloon(held) : static () => { };
        if (_machine is not null) Tell("resizing");
        change();
        if (_machine is not null) Tell("resized");
    }

    private static VmmException NotThere(string what) =>
        new(VmmErrorKind.NotImplemented, $"Changing {what} is not there yet in this version of Plugvisor; the balloon (desired_balloon) can be changed");

    /// <returns>What changes the balloon's size; nothing is wrong with it.</returns>
    private Action PlanBalloon(ulong size)
    {
        foreach (DeviceSpec device in _config!.Devices)
        {
            if (device.IsAbsent || _plugins.Load(device.Kind) is not IMemoryBalloonPlugin plugin) continue;

            // Kept in the configuration, so that the next boot has it, which is why it has to be one that boots.
            DeviceSpec resized = device.WithRaw(plugin.SizeMember, size.ToString(CultureInfo.InvariantCulture));
            if (plugin is IConfigValidator validator && validator.Validate(resized.Config, _config.Context) is { } error)
                throw Invalid(new ConfigException(error));
            PluggedDevice? plugged = _machine?.Devices.FirstOrDefault(other => other.Id == device.Id);
            return () =>
            {
                if (plugged?.Device is IMemoryBalloon balloon) balloon.Target = size;
                _config = _config.With([.. _config.Devices.Select(other => ReferenceEquals(other, device) ? resized : other)]);
            };
        }

        // Before boot there is nothing to change, and nothing wrong with the configuration.
        if (_machine is not null) throw new VmmException("The VM has no balloon device; add one with vm.add-balloon, or before boot with --balloon size=0");
        return static () => { };
    }

    /// <summary>Bytes that balloons hold; at most all there are, whatever a guest claims.</summary>
    private ulong HeldByBalloons(ulong most)
    {
        ulong held = 0;
        foreach (PluggedDevice device in _machine?.Devices ?? [])
        {
            if (device.Device is IMemoryBalloon balloon) held += Math.Min(balloon.Actual, most - held);
        }

        return held;
    }
}
