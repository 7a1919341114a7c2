using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>
/// The page numbers of one chain, as runs of pages: drivers hand over neighbours one by one, and each run costs one system call. Sorting puts neighbours
/// together, and the same page given twice beside itself.
/// </summary>
internal sealed class PageRuns
{
    /// <summary>
    /// The most numbers that are taken of one chain, more than any known driver puts there (Linux 256, Windows 1,024): a chain of 4 GiB must not keep
    /// the thread for hours. Pages beyond it stay the guest's; it does not see the difference.
    /// </summary>
    public const int MaxPages = 4096;

    private readonly uint[] _pages = new uint[MaxPages];
    private int _count, _next;

    /// <summary>How many numbers were read.</summary>
    public int Count => _count;

    /// <summary>Copies the numbers out of a chain, wherever its pieces lie. A number that is not complete is passed over.</summary>
    public void Read(ReadOnlySpan<IoSegment> readable)
    {
        Span<byte> left = MemoryMarshal.AsBytes(_pages.AsSpan());
        foreach (ref readonly IoSegment segment in readable)
        {
            int count = Math.Min(left.Length, segment.Bytes.Length);
            segment.Bytes[..count].CopyTo(left);
            left = left[count..];
            if (left.IsEmpty) break;
        }

        _next = 0;
        _count = (MaxPages * BalloonSpec.PageNumberSize - left.Length) / BalloonSpec.PageNumberSize;
        if (!BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(_pages, _pages);
        _pages.AsSpan(0, _count).Sort();
    }

    /// <summary>Takes the next run.</summary>
    /// <param name="first">Number of its first page.</param>
    /// <param name="pages">Different pages in it.</param>
    /// <returns>False when there is none.</returns>
    public bool TryTake(out uint first, out uint pages)
    {
        first = pages = 0;
        if (_next == _count) return false;
        first = _pages[_next++];
        uint last = first;
        // A difference of 0 is the same page again.
        while (_next < _count && _pages[_next] - last <= 1) last = _pages[_next++];
        pages = last - first + 1;
        return true;
    }
}
