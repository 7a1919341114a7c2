namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// Marks a partial class whose properties carry <see cref="ConfigMemberAttribute"/> and which is a member of a device's config.
/// The generator adds <c>static T From(JsonElement)</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ConfigObjectAttribute : Attribute
{
    /// <summary>An unknown member inside the object is an error; elsewhere unknown members are ignored.</summary>
    public bool RejectUnknown { get; set; }

    /// <summary>Members without a value are shown as <c>null</c> in place of being left out.</summary>
    public bool ShowNulls { get; set; }

    /// <summary>
    /// Names of members, parted by commas. On the command line the object exists only when each of them is given and not zero.
    /// Without this it exists when any of its keys is given.
    /// </summary>
    public string? PresentWhen { get; set; }
}
