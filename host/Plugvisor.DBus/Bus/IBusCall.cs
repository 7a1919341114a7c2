namespace Plugvisor.DBus.Bus;

/// <summary>A method call that wants one reply. Immutable; any thread may reply.</summary>
internal interface IBusCall
{
    /// <summary>The object that is called.</summary>
    string Path { get; }

    /// <summary>The interface, or null where the caller leaves it to the object.</summary>
    string? Interface { get; }

    /// <summary>The method.</summary>
    string Member { get; }

    /// <summary>The types of its arguments; empty for none.</summary>
    string Signature { get; }

    /// <summary>The argument in UTF-8 where the signature is <c>s</c>; else empty.</summary>
    ReadOnlyMemory<byte> Argument { get; }

    /// <summary>Replies. Only the first reply counts; one for a caller or a bus that is gone does nothing.</summary>
    void Reply(BusReply reply);
}
