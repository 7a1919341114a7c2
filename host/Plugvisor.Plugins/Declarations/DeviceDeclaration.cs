using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Declarations;

/// <summary>A device kind as its plugin declared it with <see cref="DeviceConfigAttribute"/>. Immutable; any thread.</summary>
public sealed class DeviceDeclaration
{
    /// <summary>Major version of the contract that the plugin was built for.</summary>
    public required int ContractMajor { get; init; }

    /// <summary>Minor version of the contract that the plugin was built for.</summary>
    public required int ContractMinor { get; init; }

    /// <summary>The plugin's own version.</summary>
    public required string Version { get; init; }

    /// <summary>Full name of the entry class.</summary>
    public required string Entry { get; init; }

    /// <summary>Whether the plugin asks to be unloadable, at the price of its precompiled code.</summary>
    public bool IsReloadable { get; init; }

    /// <summary>The kind: <c>--KIND</c> and <c>vm.add-KIND</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Its member of VmConfig.</summary>
    public required string Section { get; init; }

    /// <summary>How the section looks.</summary>
    public required DeviceCardinality Cardinality { get; init; }

    /// <summary>Start of generated ids, or null when there is a fixed one.</summary>
    public string? IdPrefix { get; init; }

    /// <summary>The id unless the user gives one, or null.</summary>
    public string? FixedId { get; init; }

    /// <summary>Place in the slot order at boot, lowest first.</summary>
    public int Slot { get; init; }

    /// <summary>Can be added while the VM runs.</summary>
    public bool IsHotPluggable { get; init; }

    /// <summary>Can be removed while the VM runs.</summary>
    public bool IsRemovable { get; init; }

    /// <summary>May be placed behind the virtual IOMMU.</summary>
    public bool SupportsIommu { get; init; }

    /// <summary>The device that exists without being asked for, as an option value, or null.</summary>
    public string? DefaultDevice { get; init; }

    /// <summary><c>member=value</c> which says that there is to be no device, or null.</summary>
    public string? AbsentWhen { get; init; }

    /// <summary>What it is called in a sentence.</summary>
    public required string Noun { get; init; }

    /// <summary>What several are called in a sentence.</summary>
    public required string Plural { get; init; }

    /// <summary>One line for <c>--help</c>.</summary>
    public string? Help { get; init; }

    /// <summary>An example of an option value.</summary>
    public string? Example { get; init; }

    /// <summary>Its config: the common PCI members first, then the plugin's own.</summary>
    public required ObjectDeclaration Config { get; init; }

    /// <summary>Reads a manifest.</summary>
    /// <param name="json">UTF-8.</param>
    /// <exception cref="FormatException">The manifest can not be read; the message says why.</exception>
    public static DeviceDeclaration Parse(ReadOnlySpan<byte> json) => DeclarationReader.ReadDevice(json);
}
