namespace Plugvisor.DBus.Bus;

/// <summary>What a method answers. Immutable.</summary>
internal sealed class BusReply
{
    private BusReply(BusReplyKind kind) => Kind = kind;

    /// <summary>Which of the possible answers it is.</summary>
    public BusReplyKind Kind { get; }

    /// <summary>The result, UTF-8, of <see cref="BusReplyKind.Text"/>.</summary>
    public ReadOnlyMemory<byte> Result { get; private init; }

    /// <summary>The D-Bus name of an error.</summary>
    public string ErrorName { get; private init; } = "";

    /// <summary>The text of an error.</summary>
    public string ErrorMessage { get; private init; } = "";

    /// <summary>Success without a result.</summary>
    public static BusReply Nothing { get; } = new(BusReplyKind.Nothing);

    /// <summary>No properties: an empty <c>a{sv}</c>.</summary>
    public static BusReply NoProperties { get; } = new(BusReplyKind.NoProperties);

    /// <summary>Success with a string.</summary>
    /// <param name="utf8">The string.</param>
    public static BusReply Text(ReadOnlyMemory<byte> utf8) => new(BusReplyKind.Text) { Result = utf8 };

    /// <summary>A failure.</summary>
    public static BusReply Error(string name, string message) => new(BusReplyKind.Error) { ErrorName = name, ErrorMessage = message };
}
