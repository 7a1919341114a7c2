namespace Plugvisor.Testing.Queues;

/// <summary>Flags of a descriptor (virtio 1.2 section 2.7.5).</summary>
[Flags]
public enum DescriptorFlags
{
    /// <summary>The last of its chain, read by the device.</summary>
    None = 0,

    /// <summary>VIRTQ_DESC_F_NEXT.</summary>
    Next = 1,

    /// <summary>VIRTQ_DESC_F_WRITE.</summary>
    Write = 2,

    /// <summary>VIRTQ_DESC_F_INDIRECT.</summary>
    Indirect = 4,
}
