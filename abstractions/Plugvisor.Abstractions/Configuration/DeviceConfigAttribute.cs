namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// Declares a device kind on its typed config: a partial class whose public properties carry <see cref="ConfigMemberAttribute"/>.
/// Everything the front ends know of the kind (option, help, REST endpoint, schema, checks) follows from it.
/// The generator adds <c>static T From(JsonElement)</c> to the class. A property's initializer is its default.
/// The members common to all PCI devices (<c>id</c>, <c>pci_segment</c>, <c>pci_device_id</c> and, where allowed,
/// <c>iommu</c>) are the host's and are not declared.
/// </summary>
/// <param name="kind">
/// The device kind, lower case with dashes. It is the option (<c>--disk</c>) and the endpoint (<c>vm.add-disk</c>).
/// </param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DeviceConfigAttribute(string kind) : Attribute
{
    /// <summary>The device kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>The member of VmConfig that holds devices of the kind; the kind with underscores when not given.</summary>
    public string? Section { get; set; }

    /// <summary>How the section looks in VmConfig.</summary>
    public DeviceCardinality Cardinality { get; set; }

    /// <summary>
    /// Start of generated ids (<c>_disk</c> gives <c>_disk0</c>); an underscore and the kind with underscores when neither this nor
    /// <see cref="FixedId"/> is given.
    /// </summary>
    public string? IdPrefix { get; set; }

    /// <summary>The id of a device of which there is one at most (<c>__rng</c>). Nobody can give it another.</summary>
    public string? FixedId { get; set; }

    /// <summary>
    /// Place in the order in which boot-time devices get PCI slots, lowest first; equal numbers by kind name. The kinds of the
    /// interface reference: console 100, disk 200, net 300, rng 400, generic-vhost-user 500, fs 600, pmem 700, vsock 800,
    /// virtio-mem 900, balloon 1000, watchdog 1100, vdpa 1200, rtc 1300, device 1400, user-device 1500, iommu 1600,
    /// pvmemcontrol 1700, pvpanic 1800, ivshmem 1900. Other kinds come after these by default.
    /// </summary>
    public int Slot { get; set; } = 10_000;

    /// <summary>Whether a device can be added while the VM runs (<c>vm.add-KIND</c>).</summary>
    public bool HotPluggable { get; set; }

    /// <summary>Whether a device can be removed while the VM runs (<c>vm.remove-device</c>).</summary>
    public bool Removable { get; set; }

    /// <summary>Whether the device may be placed behind the virtual IOMMU; without it the kind has no <c>iommu</c> member.</summary>
    public bool Iommu { get; set; } = true;

    /// <summary>
    /// The device that exists without being asked for, as the value that its option would have (<c>src=/dev/urandom</c>), or null.
    /// </summary>
    public string? DefaultDevice { get; set; }

    /// <summary>A <c>member=value</c> in the JSON spelling which says that there is to be no device (<c>mode=Off</c>), or null.</summary>
    public string? AbsentWhen { get; set; }

    /// <summary>What the device is called in a sentence (<c>network device</c>); the kind when not given.</summary>
    public string? Noun { get; set; }

    /// <summary>What several are called in a sentence (<c>network devices</c>); <see cref="Noun"/> with an s when not given.</summary>
    public string? Plural { get; set; }

    /// <summary>One line for <c>--help</c>.</summary>
    public string? Help { get; set; }

    /// <summary>A whole option value as an example for <c>--help</c>, without the option's name.</summary>
    public string? Example { get; set; }
}
