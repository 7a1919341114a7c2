using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Configuration;

/// <summary>Puts a VmConfig together from its parts, whichever front end they come from. Used once, by one thread.</summary>
public sealed class VmConfigBuilder
{
    private readonly List<GivenSection> _sections = [];
    private readonly Dictionary<HostSection, StringBuilder> _lists = [];
    private readonly List<DeviceSpec> _devices = [];
    private readonly HashSet<string> _given = [];
    private readonly List<string> _unserved = [];

    /// <summary>Takes a host section.</summary>
    /// <exception cref="ConfigException">It does not have the declared shape.</exception>
    public void Set(HostSection section, JsonElement json) => Put(section, section.Normalize(json));

    /// <summary>Takes a host section from the value of its option.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public void Read(HostSection section, string text)
    {
        JsonElement json = section.Schema!.FromOption(text);
        if (section.Shape != HostSectionShape.List)
        {
            Put(section, json);
            return;
        }

        if (_lists.TryGetValue(section, out StringBuilder? list)) list.Append(',');
        else _lists.Add(section, list = new StringBuilder("["));
        list.Append(json.GetRawText());
    }

    /// <summary>Takes one device from the value of its option; empty for a flag.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public void ReadDevice(DeviceConfigSchema kind, string text) => Add(new DeviceSpec(kind, kind.FromOption(text)));

    /// <summary>Takes one device.</summary>
    public void Add(DeviceSpec device)
    {
        _given.Add(device.Kind);
        _devices.Add(device);
    }

    /// <summary>Notes a section that the interface knows and nobody here serves.</summary>
    public void AddUnserved(string section) => _unserved.Add(section);

    /// <summary>Adds the devices that exist without being asked for, unless they were.</summary>
    public void AddDefaultDevices(IReadOnlyList<DeviceConfigSchema> kinds)
    {
        foreach (DeviceConfigSchema kind in kinds)
        {
            if (!_given.Contains(kind.Declaration.Kind) && kind.DefaultDevice is { } config) _devices.Add(new DeviceSpec(kind, config));
        }
    }

    /// <summary>The configuration.</summary>
    public VmConfig Build()
    {
        foreach ((HostSection section, StringBuilder list) in _lists) Put(section, JsonElement.Parse(list.Append(']').ToString()));
        return new VmConfig(_sections, _devices, _unserved);
    }

    /// <summary>The last one wins, as everywhere.</summary>
    private void Put(HostSection section, JsonElement json)
    {
        for (int i = 0; i < _sections.Count; i++)
        {
            if (_sections[i].Section != section) continue;
            _sections[i] = new GivenSection(section, json);
            return;
        }

        _sections.Add(new GivenSection(section, json));
    }
}
