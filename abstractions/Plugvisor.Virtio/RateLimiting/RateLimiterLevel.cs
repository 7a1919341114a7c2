using System.Buffers.Binary;

namespace Plugvisor.Virtio.RateLimiting;

/// <summary>How full the buckets of a limiter are; the default for what it does not limit.</summary>
/// <param name="Bandwidth">Bytes.</param>
/// <param name="Operations">Operations.</param>
public readonly record struct RateLimiterLevel(TokenBucketLevel Bandwidth, TokenBucketLevel Operations)
{
    /// <summary>Bytes that <see cref="Write"/> fills.</summary>
    public const int Size = 4 * sizeof(long);

    /// <summary>Writes it for a saved state, little-endian.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt64LittleEndian(destination, Bandwidth.Refilled);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], Bandwidth.Burst);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Operations.Refilled);
        BinaryPrimitives.WriteInt64LittleEndian(destination[24..], Operations.Burst);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static RateLimiterLevel Read(ReadOnlySpan<byte> source) => new(
        new TokenBucketLevel(BinaryPrimitives.ReadInt64LittleEndian(source), BinaryPrimitives.ReadInt64LittleEndian(source[8..])),
        new TokenBucketLevel(BinaryPrimitives.ReadInt64LittleEndian(source[16..]), BinaryPrimitives.ReadInt64LittleEndian(source[24..])));
}
