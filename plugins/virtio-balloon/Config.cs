using System.Globalization;
using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>The balloon, as it stands in VmConfig's <c>balloon</c> and on <c>--balloon</c>.</summary>
[DeviceConfig("balloon", Cardinality = DeviceCardinality.Single, FixedId = "__balloon", Slot = 1000, Iommu = false, HotPluggable = true, Removable = true, Noun = "balloon device",
    Help = "Takes memory from the guest and gives it back", Example = "size=0,deflate_on_oom=on,free_page_reporting=on")]
internal sealed partial class Config
{
    /// <summary>The member that says how much it is to hold.</summary>
    public const string SizeMember = "size";

    /// <summary>Bytes that it is to hold from the start.</summary>
    [ConfigMember(SizeMember, ByteSize = true, Help = "Memory that the guest is to hand over at start")]
    public required ulong Size { get; init; }

    /// <summary>The guest takes memory back rather than killing a program for want of it.</summary>
    [ConfigMember("deflate_on_oom", Help = "Let the guest take memory back when it runs out of it")]
    public bool DeflateOnOutOfMemory { get; init; }

    /// <summary>The guest tells of free pages, which the host then takes.</summary>
    [ConfigMember("free_page_reporting", Help = "Take the guest's free memory as it becomes free, without a size")]
    public bool FreePageReporting { get; init; }

    /// <summary>What is wrong with it that its declaration cannot say, or null.</summary>
    public string? Problem(ulong memorySize) => Size <= memorySize ? null
        : string.Create(CultureInfo.InvariantCulture, $"Balloon size ({Size}) greater than RAM ({memorySize})");
}
