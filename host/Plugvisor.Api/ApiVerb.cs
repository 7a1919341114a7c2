namespace Plugvisor.Api;

/// <summary>How an operation is asked for over HTTP.</summary>
public enum ApiVerb
{
    /// <summary>It reads.</summary>
    Get,

    /// <summary>It does something.</summary>
    Put,
}
