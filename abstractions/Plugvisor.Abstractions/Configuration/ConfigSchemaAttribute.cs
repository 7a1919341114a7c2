namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// A config object's part of the declaration as compact JSON, written by the source generator, so that a plugin can use objects of
/// another assembly.
/// </summary>
/// <param name="json">The declaration of the object.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ConfigSchemaAttribute(string json) : Attribute
{
    /// <summary>The declaration of the object.</summary>
    public string Json { get; } = json;
}
