using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration;
using Plugvisor.Control.Plugins;
using Plugvisor.Machine.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Loading;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Control;

/// <content>Plugins that come and go.</content>
public sealed partial class Vmm
{
    /// <summary>Loads a plugin's code. Its kind can be asked for when this returns.</summary>
    /// <param name="path">Absolute path of the plugin's folder.</param>
    /// <exception cref="VmmException">It cannot be used.</exception>
    public PluginEntry LoadPlugin(string path)
    {
        LoadedPlugin plugin = Prepare(path, null);
        _plugins.Add(plugin);
        Tell("plugin-loaded", plugin.Entry);
        return plugin.Entry;
    }

    /// <summary>Takes a plugin out that has no devices. Its kind cannot be asked for any more when this returns.</summary>
    /// <param name="id">The plugin's name, or the path of its folder.</param>
    /// <returns>Its code, which <see cref="UnloadProof"/> looks after.</returns>
    /// <exception cref="VmmException">There is no such plugin, or it is in use.</exception>
    public PluginChange UnloadPlugin(string id)
    {
        PluginEntry entry = _plugins.Find(id);
        List<string> users = UsersOf(entry);
        if (users.Count > 0)
        {
            throw new VmmException(
                VmmErrorKind.Conflict, $"plugin {entry.Name} is in use by {string.Join(", ", users)}: remove {(users.Count == 1 ? "it" : "them")} first");
        }

        if (_plugins.WhyPermanent(entry) is { } why) throw new VmmException(VmmErrorKind.Conflict, why);
        UnloadedPlugin? code = _plugins.Remove(entry);
        ForgetExceptions();
        Tell("plugin-unloaded", entry);
        return new PluginChange(entry, code);
    }

    /// <summary>
    /// Puts what a plugin's folder has now in the place of the plugin, also under its devices. When that cannot be done, everything goes on as before.
    /// </summary>
    /// <param name="id">The plugin's name, or the path of its folder.</param>
    /// <returns>The plugin as it is now, with the code that was there before.</returns>
    /// <exception cref="VmmException">There is no such plugin, the folder's content cannot be used, or a device cannot go on with it.</exception>
    public PluginChange ReloadPlugin(string id)
    {
        PluginEntry present = _plugins.Find(id);
        LoadedPlugin successor = Prepare(present.Folder, present);
        try
        {
            VmConfig? config = WithSchema(_config, new DeviceConfigSchema(successor.Declaration));
            List<PluggedDevice> devices = DevicesOf(present);
            if (devices.Count > 0) config = ReplaceDevices(present, devices, successor, config!);
            _config = config;
        }
        catch
        {
            successor.Unload();
            throw;
        }

        UnloadedPlugin? old = _plugins.Replace(present, successor);
        ForgetExceptions();
        Tell("plugin-reloaded", successor.Entry);
        return new PluginChange(successor.Entry, old);
    }

    /// <summary>The configuration with a kind's devices by another declaration of the kind.</summary>
    private static VmConfig? WithSchema(VmConfig? config, DeviceConfigSchema schema)
    {
        if (config is null) return null;
        var devices = new List<DeviceSpec>(config.Devices.Count);
        bool changed = false;
        foreach (DeviceSpec device in config.Devices)
        {
            if (device.Kind != schema.Declaration.Kind)
            {
                devices.Add(device);
                continue;
            }

            changed = true;
            try
            {
                devices.Add(device with { Schema = schema, Config = device.IsAbsent ? device.Config : schema.Normalize(device.Config) });
            }
            catch (ConfigException e)
            {
                throw new VmmException(VmmErrorKind.InvalidConfig, $"the new version does not take the configuration of {NameOf(device)}", e);
            }
        }

        return changed ? config.With(devices) : config;
    }

    /// <summary>
    /// An exception that this thread caught stays with it until the next one, and with its stack the code that threw it.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetExceptions()
    {
        try
        {
            throw new VmmException("nothing happened");
        }
        catch (VmmException)
        {
        }
    }

    /// <summary>Loads a plugin's code, which runs its constructor.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private LoadedPlugin Prepare(string path, PluginEntry? replaced)
    {
        LoadedPlugin? loaded = null;
        bool returned = _pluginThread.TryRun(() => loaded = _plugins.Prepare(path, replaced), () => loaded?.Unload(), out Exception? thrown);
        if (!returned) throw new VmmException(VmmErrorKind.InvalidConfig, $"the plugin in {path} cannot be used: its constructor {_pluginThread.Overdue}");
        if (thrown is not null) ExceptionDispatchInfo.Throw(thrown);
        return loaded!;
    }

    private static string NameOf(DeviceSpec device) => device.Id ?? $"a {device.Schema.Declaration.Noun} without an id (vm.boot gives it one)";

    /// <summary>The machine's devices of a plugin, those that the guest has not let go of as well.</summary>
    private List<PluggedDevice> DevicesOf(PluginEntry entry)
    {
        var devices = new List<PluggedDevice>();
        if (_machine is null || _plugins.CodeOf(entry) is not { } code) return devices;
        foreach (PluggedDevice device in _machine.Devices)
        {
            if (device.Plugin == code) devices.Add(device);
        }

        return devices;
    }

    /// <summary>Who uses a plugin: names of devices of the machine and of the configuration.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private List<string> UsersOf(PluginEntry entry)
    {
        var users = new List<string>();
        foreach (DeviceSpec device in _config?.Devices ?? [])
        {
            if (device.Kind == entry.Declaration!.Kind && !device.IsAbsent) users.Add(NameOf(device));
        }

        foreach (PluggedDevice device in DevicesOf(entry))
        {
            if (!users.Contains(device.Id)) users.Add($"{device.Id} (the guest has not let go of it yet)");
        }

        foreach (PluggedDevice device in _machine?.Leaving ?? [])
        {
            if (device.Plugin == _plugins.CodeOf(entry)) users.Add($"{device.Id} (it has not stopped yet)");
        }

        return users;
    }

    /// <summary>The plugin may have gone since the request was read.</summary>
    private void RequirePlugin(DeviceSpec device)
    {
        foreach (DeviceConfigSchema kind in _plugins.Kinds)
        {
            if (kind.Declaration.Kind == device.Kind) return;
        }

        throw new VmmException(VmmErrorKind.NotFound, $"there is no plugin for device kind {device.Kind} any more");
    }

    private void Tell(string what, PluginEntry entry)
    {
        _log.LogInformation("{What}: {Name} ({Kind}) {Version} of {Folder}", what, entry.Name, entry.Declaration!.Kind, entry.Declaration.Version, entry.Folder);
        _events.Publish("vmm", what, new Dictionary<string, string>
        {
            ["id"] = entry.Name, ["kind"] = entry.Declaration.Kind, ["version"] = entry.Declaration.Version, ["folder"] = entry.Folder,
        });
    }
}
