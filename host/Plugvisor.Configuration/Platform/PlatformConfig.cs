using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Platform;

/// <summary>What the guest reads about its machine in SMBIOS: <c>platform</c> in VmConfig, <c>--platform</c> on the command line.</summary>
[ConfigObject]
public sealed partial class PlatformConfig
{
    /// <summary>PCI segments.</summary>
    [ConfigMember("num_pci_segments", Help = "PCI segments")]
    public ushort NumPciSegments { get; init; } = 1;

    /// <summary>PCI segments whose devices are behind the virtual IOMMU.</summary>
    [ConfigMember("iommu_segments", Help = "PCI segments behind the virtual IOMMU")]
    public IReadOnlyList<ushort>? IommuSegments { get; init; }

    /// <summary>Width of the addresses that the virtual IOMMU translates.</summary>
    [ConfigMember("iommu_address_width_bits", Cli = "iommu_address_width", Max = 64, Unit = "bits", Help = "Address width of the virtual IOMMU")]
    public byte IommuAddressWidthBits { get; init; } = 64;

    /// <summary>Serial number of the system.</summary>
    [ConfigMember("system_serial_number", Help = "Serial number of the system (cloud-init: ds=nocloud)")]
    public string? SystemSerialNumber { get; init; }

    /// <summary>The older spelling of <see cref="SystemSerialNumber"/>.</summary>
    [ConfigMember("serial_number", Hidden = true)]
    public string? SerialNumber { get; init; }

    /// <summary>UUID of the system.</summary>
    [ConfigMember("system_uuid", Help = "UUID of the system")]
    public string? SystemUuid { get; init; }

    /// <summary>The older spelling of <see cref="SystemUuid"/>.</summary>
    [ConfigMember("uuid", Hidden = true)]
    public string? Uuid { get; init; }

    /// <summary>Strings for whoever reads SMBIOS type 11.</summary>
    [ConfigMember("oem_strings", Help = "Strings of SMBIOS type 11")]
    public IReadOnlyList<string>? OemStrings { get; init; }

    /// <summary>Manufacturer of the system.</summary>
    [ConfigMember("system_manufacturer", Help = "Manufacturer of the system")]
    public string? SystemManufacturer { get; init; }

    /// <summary>Product name of the system.</summary>
    [ConfigMember("system_product_name", Help = "Product name of the system")]
    public string? SystemProductName { get; init; }

    /// <summary>Version of the system.</summary>
    [ConfigMember("system_version", Help = "Version of the system")]
    public string? SystemVersion { get; init; }

    /// <summary>Family of the system.</summary>
    [ConfigMember("system_family", Help = "Family of the system")]
    public string? SystemFamily { get; init; }

    /// <summary>SKU number of the system.</summary>
    [ConfigMember("system_sku_number", Help = "SKU number of the system")]
    public string? SystemSkuNumber { get; init; }

    /// <summary>Asset tag of the chassis.</summary>
    [ConfigMember("chassis_asset_tag", Help = "Asset tag of the chassis")]
    public string? ChassisAssetTag { get; init; }

    /// <summary>Use iommufd for devices of the host.</summary>
    [ConfigMember("iommufd", Help = "Use iommufd for devices of the host")]
    public bool Iommufd { get; init; }

    /// <summary>Devices of the host may reach each other.</summary>
    [ConfigMember("vfio_p2p_dma", Help = "Let devices of the host reach each other")]
    public bool VfioP2pDma { get; init; } = true;
}
