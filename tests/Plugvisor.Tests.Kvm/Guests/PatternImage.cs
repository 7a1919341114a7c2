using System.Runtime.InteropServices;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>A raw disk image with the pattern of tests/guests/lib/pattern.h, on a real disk, removed at the end.</summary>
internal sealed class PatternImage : IDisposable
{
    private const int SectorBytes = 512;
    private const ulong Step = 0x9e3779b97f4a7c15;

    private readonly int _mebibytes;
    private readonly ulong? _seed;

    /// <param name="mebibytes">Size.</param>
    /// <param name="seed">Seed of the pattern; null for an image of zeros.</param>
    public PatternImage(int mebibytes = 64, ulong? seed = 1)
    {
        Path = System.IO.Path.Combine("/var/tmp", $"plugvisor-test-{Guid.NewGuid():N}.img");
        _mebibytes = mebibytes;
        _seed = seed;
        using FileStream stream = File.Create(Path);
        stream.SetLength((long)mebibytes << 20);
        if (seed is null) return;
        foreach (ulong[] chunk in Chunks(seed ?? _seed)) stream.Write(MemoryMarshal.AsBytes<ulong>(chunk));
    }

    public string Path { get; }

    /// <summary>Whether it still holds its pattern, or now that of another seed, and nothing else.</summary>
    public bool IsWhole(ulong? seed = null)
    {
        using FileStream stream = File.OpenRead(Path);
        byte[] read = new byte[1 << 20];
        foreach (ulong[] chunk in Chunks(seed ?? _seed))
        {
            if (stream.ReadAtLeast(read, read.Length, throwOnEndOfStream: false) < read.Length) return false;
            if (!read.AsSpan().SequenceEqual(MemoryMarshal.AsBytes<ulong>(chunk))) return false;
        }
        return stream.ReadByte() < 0;
    }

    /// <summary>Cuts the file behind the VMM's back.</summary>
    public void Truncate(long bytes)
    {
        using FileStream stream = new(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.SetLength(bytes);
    }

    public void Dispose() => File.Delete(Path);

    /// <summary>The pattern, a mebibyte at a time, always in the same array.</summary>
    private IEnumerable<ulong[]> Chunks(ulong? seed)
    {
        ulong[] chunk = new ulong[(1 << 20) / sizeof(ulong)];
        for (ulong sector = 0; sector < (ulong)_mebibytes * 2048;)
        {
            for (int at = 0; at < chunk.Length; sector++)
            {
                ulong value = Base(sector, seed ?? 0);
                for (int word = 0; word < SectorBytes / sizeof(ulong); word++, value += Step) chunk[at++] = value;
            }
            yield return chunk;
        }
    }

    private static ulong Base(ulong sector, ulong seed)
    {
        ulong z = ((sector + 1) * Step) ^ ((seed + 0x632be59bd9b4e019) * 0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
