using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Rest.Routing;

namespace Plugvisor.Rest;

/// <summary>What all connections share.</summary>
internal sealed record RestServices(IVmmApi Api, Router Router, RestLimits Limits, TimeProvider Clock, ILogger Log)
{
    /// <summary>Renders the OpenAPI document, or null where there is none.</summary>
    public Func<ReadOnlyMemory<byte>>? Description { get; init; }
}
