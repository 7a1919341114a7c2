namespace Plugvisor.Machine.Smbios;

/// <summary>What SMBIOS says of the machine; the names are those of <c>--platform</c>. Null or empty: the default, or nothing.</summary>
public sealed record SmbiosOptions
{
    /// <summary>Manufacturer of the system.</summary>
    public string? SystemManufacturer { get; init; }

    /// <summary>Product name of the system.</summary>
    public string? SystemProductName { get; init; }

    /// <summary>Version of the system.</summary>
    public string? SystemVersion { get; init; }

    /// <summary>Serial number of the system.</summary>
    public string? SystemSerialNumber { get; init; }

    /// <summary>UUID of the system, in its usual text form.</summary>
    public string? SystemUuid { get; init; }

    /// <summary>SKU number of the system.</summary>
    public string? SystemSkuNumber { get; init; }

    /// <summary>Family of the system.</summary>
    public string? SystemFamily { get; init; }

    /// <summary>Asset tag of the chassis; without it there is no chassis.</summary>
    public string? ChassisAssetTag { get; init; }

    /// <summary>Free strings for the guest, at most 255.</summary>
    public IReadOnlyList<string> OemStrings { get; init; } = [];
}
