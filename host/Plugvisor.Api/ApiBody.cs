namespace Plugvisor.Api;

/// <summary>Whether an operation is asked for with a JSON document.</summary>
public enum ApiBody
{
    /// <summary>It takes none, and one that comes all the same is an error (ignored with <see cref="ApiVerb.Get"/>).</summary>
    None,

    /// <summary>It needs one.</summary>
    Required,
}
