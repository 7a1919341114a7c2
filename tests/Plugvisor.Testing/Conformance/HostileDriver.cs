using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;

namespace Plugvisor.Testing.Conformance;

/// <summary>Breaks a queue in each of the ways of <see cref="MalformedRing"/>.</summary>
public static class HostileDriver
{
    private const ulong Nowhere = 0x7000_0000_0000;

    /// <summary>Writes the malformed thing and publishes it. Does not ring the doorbell.</summary>
    public static void Break(DriverQueue queue, GuestMemoryMock ram, MalformedRing how)
    {
        const DescriptorFlags Write = DescriptorFlags.Write, Next = DescriptorFlags.Next, Indirect = DescriptorFlags.Indirect;
        ulong buffer = ram.Allocate(4096);
        ulong ramEnd = ram.Memory.Regions[^1].EndAddress;
        switch (how)
        {
            case MalformedRing.SelfLoop:
                queue.SetDescriptor(0, buffer, 16, Next, 0);
                break;
            case MalformedRing.ChainTooLong:
                for (int i = 0; i < queue.Size; i++) queue.SetDescriptor(i, buffer, 1, Next, (ushort)((i + 1) % queue.Size));
                break;
            case MalformedRing.NextOutOfRange:
                queue.SetDescriptor(0, buffer, 16, Next, (ushort)queue.Size);
                break;
            case MalformedRing.HeadOutOfRange:
                queue.SetAvailable((ushort)queue.Size);
                return;
            case MalformedRing.AddressWraps:
                queue.SetDescriptor(0, ulong.MaxValue - 15, 32, Write, 0);
                break;
            case MalformedRing.BufferOutsideRam:
                queue.SetDescriptor(0, Nowhere, 512, Write, 0);
                break;
            case MalformedRing.BufferSpansEndOfRam:
                queue.SetDescriptor(0, ramEnd - 16, 17, Write, 0);
                break;
            case MalformedRing.LengthsOverflow:
                queue.SetDescriptor(0, buffer, 16, Next, 1);
                queue.SetDescriptor(1, buffer, uint.MaxValue, 0, 0);
                break;
            case MalformedRing.ReadableAfterWritable:
                queue.SetDescriptor(0, buffer, 16, Write | Next, 1);
                queue.SetDescriptor(1, buffer, 16, 0, 0);
                break;
            case MalformedRing.IndexJumpsAhead:
                queue.SetAvailIndex((ushort)(queue.AvailIndex + queue.Size + 1));
                return;
            case MalformedRing.IndexGoesBack:
                queue.SetAvailIndex((ushort)(queue.AvailIndex - 1));
                return;
            case MalformedRing.Indirect:
                ram.Write(buffer, buffer);
                ram.Write(buffer + 8, 16u | (ulong)Indirect << 32);
                queue.SetDescriptor(0, buffer, 16, Indirect, 0);
                break;
            case MalformedRing.IndirectEmpty:
                queue.SetDescriptor(0, buffer, 0, Indirect, 0);
                break;
            case MalformedRing.IndirectOddLength:
                queue.SetDescriptor(0, buffer, 24, Indirect, 0);
                break;
            case MalformedRing.IndirectOutsideRam:
                queue.SetDescriptor(0, Nowhere, 16, Indirect, 0);
                break;
            case MalformedRing.IndirectWithNext:
                queue.SetDescriptor(0, buffer, 16, Indirect | Next, 1);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(how));
        }

        queue.SetAvailable(0);
    }
}
