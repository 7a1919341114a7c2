namespace Plugvisor.Rest.Routing;

/// <summary>What a path leads to.</summary>
internal enum RouteKind
{
    /// <summary>An operation of the API.</summary>
    Operation,

    /// <summary>The stream of events.</summary>
    Events,

    /// <summary>The description of the API.</summary>
    Description,
}
