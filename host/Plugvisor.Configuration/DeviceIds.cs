using System.Globalization;
using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration;

/// <summary>
/// The ids of a VM's devices and rate-limit groups: given ones are unique, generated ones are a prefix and the first free number of one
/// counter that all prefixes share.
/// </summary>
public sealed class DeviceIds
{
    private const string Reserved = "__";

    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private uint _next;

    /// <summary>Starts with the ids of the rate-limit groups taken.</summary>
    /// <exception cref="ConfigException">Two groups share an id, or one may not have its.</exception>
    public DeviceIds(IEnumerable<RateLimitGroupConfig> groups)
    {
        foreach (RateLimitGroupConfig group in groups) Take(group.Id);
    }

    /// <summary>Takes an id that the user gave.</summary>
    /// <exception cref="ConfigException">It is taken or reserved.</exception>
    public void Take(string id)
    {
        if (id.Length == 0 || id.StartsWith(Reserved, StringComparison.Ordinal)) throw new ConfigException($"Identifier {id} is not valid");
        if (!_taken.Add(id)) throw new ConfigConflictException($"Identifier {id} is not unique");
    }

    /// <summary>Makes an id.</summary>
    public string Next(string prefix)
    {
        while (true)
        {
            string id = prefix + (_next++).ToString(CultureInfo.InvariantCulture);
            if (_taken.Add(id)) return id;
        }
    }
}
