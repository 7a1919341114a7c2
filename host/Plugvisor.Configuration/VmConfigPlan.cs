using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration.Memory;
using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Configuration;

/// <summary>What a configuration means for a boot: checked, with every device named, and in the order in which devices get their slots.</summary>
public sealed class VmConfigPlan
{
    private VmConfigPlan(VmConfig config, IReadOnlyList<DeviceSpec> order, uint nextNumber)
    {
        Config = config;
        Devices = order;
        NextNumber = nextNumber;
    }

    /// <summary>The configuration with an id for every device.</summary>
    public VmConfig Config { get; }

    /// <summary>The devices that there are to be, in slot order.</summary>
    public IReadOnlyList<DeviceSpec> Devices { get; }

    /// <summary>Where the counter of generated ids stands: what the plan of the machine's next device begins with.</summary>
    public uint NextNumber { get; }

    /// <summary>Checks a configuration and plans it.</summary>
    /// <exception cref="ConfigException">It contradicts itself; the message is one of the API's. A <see cref="ConfigConflictException"/> where a name or
    /// a path is used twice.</exception>
    /// <param name="config">The configuration.</param>
    /// <param name="taken">Ids that are in use besides: of devices that the guest has not let go of.</param>
    /// <param name="firstNumber">The first number to try for generated ids.</param>
    public static VmConfigPlan Make(VmConfig config, IReadOnlyList<string>? taken = null, uint firstNumber = 0)
    {
        VmConfigValidator.Check(config);
        ConfigContext context = config.Context;
        var ids = new DeviceIds(config.RateLimitGroups, firstNumber);
        foreach (string id in taken ?? []) ids.TakeFixed(id);
        foreach (MemoryZoneConfig zone in config.Memory.Zones ?? []) ids.Take(zone.Id);
        foreach (DeviceSpec device in config.Devices)
        {
            if (device.IsAbsent) continue;
            if (device.Schema.Check(device.Config, context) is { } error) throw new ConfigException(error);
            if (device.Schema.Declaration.FixedId is { } known) ids.TakeFixed(known);
            else if (device.GivenId is { } given) ids.Take(given);
            VmConfigValidator.CheckPlacement(device, config.Platform);
        }

        VmConfigValidator.RefuseWhatIsMissing(config);

        // Slots, and with them generated ids, go by kind, then by the order in which devices were given.
        int[] order = SlotOrder(config.Devices);
        var named = new DeviceSpec[config.Devices.Count];
        var planned = new List<DeviceSpec>(named.Length);
        foreach (int i in order)
        {
            DeviceSpec device = config.Devices[i];
            named[i] = device.IsAbsent || device.Id is not null ? device : device.With("id", ids.Next(device.Schema.Declaration.IdPrefix!));
            if (!device.IsAbsent) planned.Add(named[i]);
        }

        return new VmConfigPlan(config.With(named), planned, ids.NextNumber);
    }

    /// <summary>An insertion sort: stable, and compiled before the process starts, which a sort with a comparer is not.</summary>
    private static int[] SlotOrder(IReadOnlyList<DeviceSpec> devices)
    {
        var order = new int[devices.Count];
        for (int i = 0; i < order.Length; i++)
        {
            int j = i;
            for (; j > 0 && Compare(devices[i].Schema.Declaration, devices[order[j - 1]].Schema.Declaration) < 0; j--) order[j] = order[j - 1];
            order[j] = i;
        }

        return order;
    }

    private static int Compare(DeviceDeclaration a, DeviceDeclaration b)
    {
        int order = a.Slot.CompareTo(b.Slot);
        return order != 0 ? order : string.CompareOrdinal(a.Kind, b.Kind);
    }
}
