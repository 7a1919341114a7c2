namespace Plugvisor.Linux.SystemBus;

/// <summary>What a message is; the values of the D-Bus specification, "Message Format".</summary>
internal enum SdBusMessageKind : byte
{
    /// <summary>Never on the wire.</summary>
    Invalid = 0,

    /// <summary>METHOD_CALL.</summary>
    MethodCall = 1,

    /// <summary>METHOD_RETURN.</summary>
    MethodReturn = 2,

    /// <summary>ERROR.</summary>
    Error = 3,

    /// <summary>SIGNAL.</summary>
    Signal = 4,
}
