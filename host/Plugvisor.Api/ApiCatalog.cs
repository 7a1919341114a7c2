namespace Plugvisor.Api;

/// <summary>Everything that the API offers at one moment. Immutable; a plugin that comes or goes makes a new one.</summary>
public sealed class ApiCatalog
{
    private readonly Dictionary<string, ApiOperation> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ApiOperation> _byMethod = new(StringComparer.Ordinal);

    /// <summary>A catalog of these operations.</summary>
    public ApiCatalog(IReadOnlyList<ApiOperation> operations)
    {
        Operations = operations;
        foreach (ApiOperation operation in operations)
        {
            _byName.Add(operation.Name, operation);
            if (operation.DBusMethod is { } method) _byMethod.Add(method, operation);
        }
    }

    /// <summary>All operations.</summary>
    public IReadOnlyList<ApiOperation> Operations { get; }

    /// <summary>The operation of a name, or null.</summary>
    public ApiOperation? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The operation of a D-Bus method, or null.</summary>
    public ApiOperation? FindDBus(string method) => _byMethod.GetValueOrDefault(method);
}
