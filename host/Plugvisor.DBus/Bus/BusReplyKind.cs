namespace Plugvisor.DBus.Bus;

/// <summary>The answers that this service gives.</summary>
internal enum BusReplyKind
{
    /// <summary>No result.</summary>
    Nothing,

    /// <summary>One string.</summary>
    Text,

    /// <summary>An empty dictionary of properties.</summary>
    NoProperties,

    /// <summary>An error.</summary>
    Error,
}
