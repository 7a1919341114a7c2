using System.Globalization;
using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration;

/// <summary>
/// The ids of a VM's devices and rate-limit groups: given ones are unique, generated ones are a prefix and the next free number of one
/// counter that all prefixes share.
/// </summary>
public sealed class DeviceIds
{
    // Ids of devices that are always there, and of the transports in vm.info's device tree.
    private const string Reserved = "__", Transport = "_virtio-pci-";

    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    /// <summary>Starts with the ids of the rate-limit groups taken.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="first">The first number to try for generated ids.</param>
    /// <exception cref="ConfigException">Two groups share an id, or one may not have its.</exception>
    public DeviceIds(IEnumerable<RateLimitGroupConfig> groups, uint first = 0)
    {
        NextNumber = first;
        foreach (RateLimitGroupConfig group in groups) Take(group.Id);
    }

    /// <summary>The number that the next generated id tries first.</summary>
    public uint NextNumber { get; private set; }

    /// <summary>Takes an id that the user gave.</summary>
    /// <exception cref="ConfigException">It is taken or reserved.</exception>
    public void Take(string id)
    {
        if (!IsValid(id)) throw new ConfigException($"Identifier {id} is not valid");
        TakeFixed(id);
    }

    /// <summary>Ids begin lines of the log, so one cannot have lines of its own.</summary>
    private static bool IsValid(string id) =>
        id.Length > 0 && id.AsSpan().IndexOfAnyInRange('\0', '\x1f') < 0
        && !id.StartsWith(Reserved, StringComparison.Ordinal) && !id.StartsWith(Transport, StringComparison.Ordinal);

    /// <summary>Takes an id that its kind or an earlier plan gave.</summary>
    /// <exception cref="ConfigConflictException">It is taken.</exception>
    public void TakeFixed(string id)
    {
        if (!_taken.Add(id)) throw new ConfigConflictException($"Identifier {id} is not unique");
    }

    /// <summary>Makes an id.</summary>
    public string Next(string prefix)
    {
        while (true)
        {
            string id = prefix + (NextNumber++).ToString(CultureInfo.InvariantCulture);
            if (_taken.Add(id)) return id;
        }
    }
}
