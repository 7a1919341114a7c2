namespace Plugvisor.Remote.Calls;

/// <summary>One thing that is asked of the VMM, whichever way it travels.</summary>
/// <param name="Name">The operation, <c>vm.add-disk</c>.</param>
/// <param name="Body">Its JSON document (UTF-8), or null for none.</param>
internal sealed record RemoteCall(string Name, byte[]? Body = null)
{
    /// <summary>It only reads.</summary>
    public bool IsGet { get; init; }

    /// <summary>Its D-Bus method, or null where D-Bus does not offer it.</summary>
    public string? DBusMethod { get; init; } = DBusName.Of(Name);

    /// <summary>What to say when a server does not know the operation, or null: it is not part of every version.</summary>
    public string? WhenUnknown { get; init; }

    /// <summary>Descriptors that go along; they stay open here.</summary>
    public IReadOnlyList<int> Descriptors { get; init; } = [];
}
