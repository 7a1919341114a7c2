using System.Buffers.Binary;
using System.Text;

namespace Plugvisor.Plugins.VirtioFs;

/// <summary>Facts of virtio 1.2 section 5.11, the same for both ways of serving a directory.</summary>
internal static class FsSpec
{
    /// <summary>Section 5.11.1.</summary>
    public const ushort DeviceType = 26;

    /// <summary>Bytes of the tag in config space (5.11.4); one that is shorter is filled up with zeros.</summary>
    public const int TagLength = 36;

    /// <summary>Bytes of config space: the tag and <c>num_request_queues</c>.</summary>
    public const int ConfigLength = TagLength + 4;

    /// <summary>Queue 0 is for urgent requests (5.11.2); request queues follow, as there is no notification queue.</summary>
    public const int FirstRequestQueue = 1;

    /// <summary>Device config space (5.11.4).</summary>
    public static byte[] ConfigSpace(Config config)
    {
        byte[] space = new byte[ConfigLength];
        Encoding.UTF8.GetBytes(config.Tag, space.AsSpan(0, TagLength));
        BinaryPrimitives.WriteUInt32LittleEndian(space.AsSpan(TagLength), (uint)config.QueueCount);
        return space;
    }

    /// <summary>Sizes of the queues: the one for urgent requests and the request queues.</summary>
    public static ushort[] QueueSizes(Config config)
    {
        ushort[] sizes = new ushort[FirstRequestQueue + config.QueueCount];
        Array.Fill(sizes, config.QueueSize);
        return sizes;
    }
}
