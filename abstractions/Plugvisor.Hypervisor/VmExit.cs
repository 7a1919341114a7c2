namespace Plugvisor.Hypervisor;

/// <summary>One exit. <see cref="Data"/> lies in the vCPU's shared page: valid until the next run.</summary>
public ref struct VmExit
{
    /// <summary>Why.</summary>
    public VmExitReason Reason;

    /// <summary>Whether the guest wrote (the data is its) or read (fill the data).</summary>
    public bool IsWrite;

    /// <summary>Bytes of one access.</summary>
    public int Width;

    /// <summary>Number of accesses in a string port operation; <see cref="Data"/> has Width x Count bytes.</summary>
    public int Count;

    /// <summary>Port, guest-physical address or vector, by reason.</summary>
    public ulong Address;

    /// <summary>Reason of the hardware or suberror, by reason.</summary>
    public ulong Detail;

    /// <summary>The data of the access.</summary>
    public Span<byte> Data;
}
