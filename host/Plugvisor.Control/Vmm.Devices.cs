using System.Numerics;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Configuration;
using Plugvisor.Linux.Limits;
using Plugvisor.Machine;
using Plugvisor.Machine.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Control;

/// <content>Devices that come and go.</content>
public sealed partial class Vmm
{
    private const int SpareDescriptors = 64;

    /// <summary>Adds a device to the configuration, and to the machine when there is one.</summary>
    /// <param name="device">The device. Its descriptors are the configuration's when this returns, and the caller's when it throws.</param>
    /// <returns>Where it lies, or null before boot.</returns>
    public PciDeviceInfo? AddDevice(DeviceSpec device)
    {
        DeviceDeclaration kind = device.Schema.Declaration;
        RequirePlugin(device);
        if (kind.Cardinality != DeviceCardinality.List && _config!.Devices.Any(other => other.Kind == device.Kind && !other.IsAbsent))
            throw new VmmException($"Too many {kind.Plural}");

        VmConfig config = _config!.With([.. _config.Devices, device]);
        VmConfigPlan plan = Plan(config, Leaving(), _machine is null ? 0 : _nextNumber);
        DeviceSpec added = plan.Config.Devices[^1];   // the plan names devices that have no id yet, and in a machine only this one can be such
        if (_machine is null)
        {
            LoadAndCheck(added, config, NameOfPlugin(added.Kind));
            _config = config;   // ids are given at boot
            return null;
        }

        _nextNumber = plan.NextNumber;

        // The runtime itself does not survive the last descriptor: it opens files to load code.
        if (DescriptorLimit.Free() < SpareDescriptors)
            throw new VmmException($"Too many open files: fewer than {SpareDescriptors} descriptors are left; raise the limit (LimitNOFILE, ulimit -n)");

        (_config, PluggedDevice plugged) = MakeDevice(_machine, added, plan.Config, isHot: true);
        return new PciDeviceInfo(plugged.Id, plugged.Bdf);
    }

    /// <summary>
    /// Takes a device out of the configuration and, when there is a machine, asks the guest to let go of it. Its id is free again when the guest has.
    /// May be repeated until then.
    /// </summary>
    public void RemoveDevice(string id)
    {
        PluggedDevice? plugged = _machine?.Devices.FirstOrDefault(device => device.Id == id);
        DeviceSpec? spec = _config!.Devices.FirstOrDefault(device => device.Id == id && !device.IsAbsent);
        if (spec is null && plugged is null && _machine?.Leaving.Any(device => device.Id == id) == true) return;
        if (spec is null && plugged is null) throw new VmmException(VmmErrorKind.NotFound, $"No device with id \"{id}\" to remove");
        if (spec is { Schema.Declaration: { IsRemovable: false } kind }) throw new VmmException($"Removing the {kind.Noun} is not allowed: {id}");

        if (plugged is not null) _machine!.RequestRemoval(plugged);
        if (spec is null) return;
        _config = _config.With([.. _config.Devices.Where(device => device != spec)]);
        Close(spec);
    }

    /// <summary>Takes out the devices that the guest let go of.</summary>
    /// <param name="slots">Their slots, a bit each.</param>
    private void TakeOutEjected(uint slots)
    {
        for (; slots != 0; slots &= slots - 1)
        {
            int slot = BitOperations.TrailingZeroCount(slots);
            PluggedDevice? device = _machine!.Devices.FirstOrDefault(device => device.Slot == slot);
            if (device is null) continue;
            if (_config!.Devices.FirstOrDefault(spec => spec.Id == device.Id) is { Schema.Declaration.IsRemovable: false })
            {
                _guestLog.GuestTriggered($"it ejected {device.Id}, which cannot be removed");
                continue;
            }

            _machine.TakeEjected(device.Segment, slot);
            TakeRemoved();
        }
    }

    /// <summary>Tells of devices that are gone. One that does not stop takes its time, beside the loop; its id is in use until then.</summary>
    private void TakeRemoved()
    {
        foreach (PluggedDevice device in _machine!.TakeRemoved()) TellRemoved(device);
    }

    private void TellRemoved(PluggedDevice device)
    {
        _log.LogInformation("device {Id} at {Bdf} is gone", device.Id, device.Bdf);
        _events.Publish("vm", "device-removed", new Dictionary<string, string> { ["id"] = device.Id, ["bdf"] = device.Bdf });
    }

    /// <summary>Whether the guest was asked to let go of a device: the configuration has it no more.</summary>
    private bool IsLeaving(PluggedDevice device) => !_config!.Devices.Any(spec => spec.Id == device.Id);

    /// <summary>Ids of devices that are still in the machine though the configuration has them no more.</summary>
    private List<string> Leaving()
    {
        var ids = new List<string>();
        foreach (PluggedDevice device in _machine?.Devices ?? [])
        {
            if (IsLeaving(device)) ids.Add(device.Id);
        }

        foreach (PluggedDevice device in _machine?.Leaving ?? []) ids.Add(device.Id);
        return ids;
    }

    /// <summary>Makes a device on a machine.</summary>
    /// <returns>The configuration with what the device filled in, and the device.</returns>
    private (VmConfig Config, PluggedDevice Device) MakeDevice(
        VirtualMachine machine, DeviceSpec device, VmConfig config, bool isHot)
    {
        string name = NameOfPlugin(device.Kind);
        IDevicePlugin plugin = LoadAndCheck(device, config, name);
        PluggedDevice plugged;
        try
        {
            var request = new DeviceRequest
            {
                Id = device.Id!,
                Config = device.Config,
                VcpuCount = (int)config.Cpus.BootVcpus,
                IsHotPlug = isHot,
                Descriptors = device.Descriptors,
            };
            plugged = isHot ? machine.HotPlug(plugin, request, device.Slot, name) : machine.AddDevice(plugin, request, device.Slot, name);
        }
        catch (ConfigException e)
        {
            throw Invalid(e);
        }

        _plugins.Track(device.Kind, plugged);
        return (Complete(config, device, plugged), plugged);
    }

    private IDevicePlugin LoadAndCheck(DeviceSpec device, VmConfig config, string name)
    {
        IDevicePlugin? plugin = null;
        string? error = null;
        if (!_pluginThread.TryRun(
            () =>
            {
                plugin = _plugins.Load(device.Kind);
                if (plugin is IConfigValidator validator) error = validator.Validate(device.CheckedConfig, config.Context);
            },
            null, out Exception? thrown))
        {
            string call = plugin is null ? "its constructor" : nameof(IConfigValidator.Validate);
            throw new VmmException($"device {device.Id}: plugin {name}: {call} {_pluginThread.Overdue}");
        }

        if (thrown is not null)
        {
            if (plugin is null || thrown is DeviceException or ConfigException) ExceptionDispatchInfo.Throw(thrown);
            throw new VmmException($"device {device.Id}: plugin {name}: {nameof(IConfigValidator.Validate)} threw {thrown.GetType().Name}", thrown);
        }

        return error is null ? plugin! : throw Invalid(new ConfigException(error));
    }

    /// <summary>Takes over what a device fills in. One that does not manage to say what is latched; the machine goes on.</summary>
    private VmConfig Complete(VmConfig config, DeviceSpec device, PluggedDevice plugged)
    {
        if (plugged.Device is not ICompletesConfig completed) return config;
        DeviceSpec complete = device;
        var filled = new List<KeyValuePair<string, string>>();
        bool returned = _pluginThread.TryRun(
            () =>
            {
                foreach (KeyValuePair<string, string> member in completed.CompletedConfig)
                {
                    complete = complete.With(member.Key, member.Value);
                    filled.Add(member);
                }
            },
            null, out Exception? thrown);
        if (!returned && IsEnding) return config;   // nobody waited
        if (!returned || thrown is not null)
        {
            plugged.Function.Blame($"{nameof(ICompletesConfig.CompletedConfig)} "
                + (returned ? $"threw {thrown!.GetType().Name}: {thrown.Message}" : _pluginThread.Overdue));
            return config;
        }

        foreach ((string member, string value) in filled) _log.LogInformation("{Device}: {Member} {Value}", device.Id, member, value);
        var devices = new List<DeviceSpec>(config.Devices.Count);
        foreach (DeviceSpec other in config.Devices) devices.Add(ReferenceEquals(other, device) ? complete : other);
        return config.With(devices);
    }

    /// <summary>What a device counted. One whose computed values do not come is latched, and asked for those no more.</summary>
    private IReadOnlyDictionary<string, ulong> ReadCounters(PluggedDevice device)
    {
        if (!device.Counters.IsComputed) return device.Counters.Read();
        IReadOnlyDictionary<string, ulong>? values = null;
        string gauge = "";
        bool returned = _pluginThread.TryRun(() => values = device.Counters.Read(name => gauge = name), null, out Exception? thrown);
        if (returned && thrown is null) return values!;
        if (!returned && IsEnding) return new Dictionary<string, ulong>();   // nobody waited
        device.Counters.DropComputed();
        device.Function.Blame($"its counter {gauge} " + (returned ? $"threw {thrown!.GetType().Name}: {thrown.Message}" : _pluginThread.Overdue));
        return device.Counters.Read();
    }

    /// <summary>
    /// An exception left a thread that code of a plugin started behind the host's back. Nobody knows for which of its devices, so all of them are latched.
    /// </summary>
    /// <param name="isOfPlugin">Whether an object's type belongs to the plugin.</param>
    /// <param name="what">What happened, for the log.</param>
    public void BlamePlugin(Predicate<object> isOfPlugin, string what)
    {
        foreach (PluggedDevice device in _machine?.Devices ?? [])
        {
            if (isOfPlugin(device.Device)) device.Function.Blame(what);
        }
    }

    /// <summary>What the catalog calls the plugin of a kind.</summary>
    private string NameOfPlugin(string kind)
    {
        foreach (PluginEntry entry in _plugins.Entries)
        {
            if (entry.Status == PluginStatus.Ready && entry.Declaration?.Kind == kind) return entry.Name;
        }

        return kind;
    }

    private static void Close(DeviceSpec device)
    {
        foreach (System.Runtime.InteropServices.SafeHandle descriptor in device.Descriptors) descriptor.Dispose();
    }
}
