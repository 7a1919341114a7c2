namespace Plugvisor.Testing.Conformance;

/// <summary>What a hostile driver may write to a split ring.</summary>
public enum MalformedRing
{
    /// <summary>A descriptor whose next is itself.</summary>
    SelfLoop,

    /// <summary>A chain over all descriptors that goes on at the first.</summary>
    ChainTooLong,

    /// <summary>A next index that is no descriptor.</summary>
    NextOutOfRange,

    /// <summary>A head that is no descriptor.</summary>
    HeadOutOfRange,

    /// <summary>A buffer that goes past the end of the address space.</summary>
    AddressWraps,

    /// <summary>A buffer where no RAM is.</summary>
    BufferOutsideRam,

    /// <summary>A buffer that starts in RAM and ends outside.</summary>
    BufferSpansEndOfRam,

    /// <summary>A chain of 2^32 bytes or more.</summary>
    LengthsOverflow,

    /// <summary>A device-readable buffer after a device-writable one.</summary>
    ReadableAfterWritable,

    /// <summary>An available index far ahead.</summary>
    IndexJumpsAhead,

    /// <summary>An available index that goes back by one.</summary>
    IndexGoesBack,

    /// <summary>An indirect descriptor in an indirect table, or any where it was not negotiated.</summary>
    Indirect,

    /// <summary>An indirect table that is empty.</summary>
    IndirectEmpty,

    /// <summary>An indirect table whose length is no multiple of a descriptor's.</summary>
    IndirectOddLength,

    /// <summary>An indirect table outside RAM.</summary>
    IndirectOutsideRam,

    /// <summary>A descriptor with both INDIRECT and NEXT.</summary>
    IndirectWithNext,
}
