namespace Plugvisor.Plugins.Declarations;

/// <summary>
/// The members of every PCI device's config, which are the host's: interface reference section 2, common PCI members.
/// </summary>
internal static class CommonMembers
{
    /// <summary>Slots of a PCI bus.</summary>
    public const int PciSlots = 32;

    private static readonly MemberDeclaration Id = new()
    {
        Name = "id", Type = MemberType.String, Cli = "id", Help = "Name of the device, unique in the VM",
    };

    private static readonly MemberDeclaration Iommu = new()
    {
        Name = "iommu", Type = MemberType.Toggle, Cli = "iommu", DefaultJson = "false", IsOmittedByDefault = true,
        Help = "Place it behind the virtual IOMMU",
    };

    // Kinds that cannot be behind it: asking for it is told, not ignored.
    private static readonly MemberDeclaration NoIommu = new()
    {
        Name = "iommu", Type = MemberType.Toggle, DefaultJson = "false", IsOmittedByDefault = true, IsHidden = true,
    };

    private static readonly MemberDeclaration PciSegment = new()
    {
        Name = "pci_segment", Type = MemberType.Integer, Cli = "pci_segment", DefaultJson = "0", Width = new(16, false),
        Help = "PCI segment to place it on",
    };

    private static readonly MemberDeclaration PciDeviceId = new()
    {
        Name = "pci_device_id", Type = MemberType.Integer, Cli = "pci_device_id", Width = new(8, false), Max = PciSlots - 1,
        RangeError = "Given PCI device ID ({0}) is out of the supported range of 0..32", Help = "PCI slot (default: the lowest free one)",
    };

    /// <summary>Puts them before a plugin's own members.</summary>
    public static List<MemberDeclaration> With(bool iommu, List<MemberDeclaration> own)
    {
        var members = new List<MemberDeclaration>(own.Count + 4) { Id, iommu ? Iommu : NoIommu, PciSegment, PciDeviceId };
        members.AddRange(own);
        return members;
    }
}
