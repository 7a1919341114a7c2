using Plugvisor.Api;

namespace Plugvisor.Rest.Routing;

/// <summary>Finds the route of a path. The table follows the API's catalog; a request sees one table or the next, never a mixture.</summary>
internal sealed class Router : IDisposable
{
    private const string Prefix = "/api/v1/";

    private readonly IVmmApi _api;
    private readonly Lock _lock = new();
    private Dictionary<string, Route> _routes = [];

    /// <summary>A router for what the API offers, now and later.</summary>
    public Router(IVmmApi api)
    {
        _api = api;
        api.CatalogChanged += Rebuild;
        Rebuild();
    }

    /// <summary>The route of an exact path, or null.</summary>
    public Route? Find(string path) => Volatile.Read(ref _routes).GetValueOrDefault(path);

    /// <inheritdoc/>
    public void Dispose() => _api.CatalogChanged -= Rebuild;

    private void Rebuild()
    {
        lock (_lock)
        {
            // In the lock: of two changes at once the later catalog stays.
            var routes = new Dictionary<string, Route>(StringComparer.Ordinal);
            foreach (ApiOperation operation in _api.Catalog.Operations) routes[Prefix + operation.Name] = Route.To(operation);
            routes[Prefix + "vmm.events"] = Route.Events;
            routes[Prefix + "openapi.json"] = Route.Description;
            Volatile.Write(ref _routes, routes);
        }
    }
}
