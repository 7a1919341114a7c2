namespace Examples.Edu;

/// <summary>What the device's thread does.</summary>
internal enum JobKind
{
    /// <summary>Nothing is asked for.</summary>
    None,

    /// <summary>Compute a factorial.</summary>
    Factorial,

    /// <summary>Copy guest memory to the buffer.</summary>
    FromGuest,

    /// <summary>Copy the buffer to guest memory.</summary>
    ToGuest,
}
