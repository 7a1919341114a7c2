namespace Plugvisor.Cli.Api;

/// <summary>What <c>--api-socket</c> names.</summary>
internal enum ApiSocketKind
{
    /// <summary>The option is not given: a name of our own in the user's directory for such things.</summary>
    Default,

    /// <summary>There is to be no REST API.</summary>
    None,

    /// <summary>A socket file to be made.</summary>
    Path,

    /// <summary>A listening socket that the process inherited.</summary>
    Descriptor,
}
