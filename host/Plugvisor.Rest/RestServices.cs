using Microsoft.Extensions.Logging;
using Plugvisor.Api;
using Plugvisor.Rest.Routing;

namespace Plugvisor.Rest;

/// <summary>What all connections share.</summary>
internal sealed record RestServices(IVmmApi Api, Router Router, RestLimits Limits, TimeProvider Clock, ILogger Log);
