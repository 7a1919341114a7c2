namespace Plugvisor.Rest.Http;

/// <summary>The methods that are parsed.</summary>
internal enum HttpVerb
{
    /// <summary>GET.</summary>
    Get,

    /// <summary>PUT.</summary>
    Put,

    /// <summary>PATCH.</summary>
    Patch,

    /// <summary>DELETE.</summary>
    Delete,
}
