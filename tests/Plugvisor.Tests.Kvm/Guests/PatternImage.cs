using System.Runtime.InteropServices;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>A raw disk image with the pattern of tests/guests/lib/pattern.h, on a real disk, removed at the end.</summary>
internal sealed class PatternImage : IDisposable
{
    private const int SectorBytes = 512;
    private const ulong Step = 0x9e3779b97f4a7c15;

    /// <param name="mebibytes">Size.</param>
    /// <param name="seed">Seed of the pattern; null for an image of zeros.</param>
    public PatternImage(int mebibytes = 64, ulong? seed = 1)
    {
        Path = System.IO.Path.Combine("/var/tmp", $"plugvisor-test-{Guid.NewGuid():N}.img");
        using FileStream stream = File.Create(Path);
        stream.SetLength((long)mebibytes << 20);
        if (seed is not ulong s) return;
        ulong[] chunk = new ulong[(1 << 20) / sizeof(ulong)];
        for (ulong sector = 0; sector < (ulong)mebibytes * 2048;)
        {
            for (int at = 0; at < chunk.Length; sector++)
            {
                ulong value = Base(sector, s);
                for (int word = 0; word < SectorBytes / sizeof(ulong); word++, value += Step) chunk[at++] = value;
            }
            stream.Write(MemoryMarshal.AsBytes<ulong>(chunk));
        }
    }

    public string Path { get; }

    /// <summary>Cuts the file behind the VMM's back.</summary>
    public void Truncate(long bytes)
    {
        using FileStream stream = new(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.SetLength(bytes);
    }

    public void Dispose() => File.Delete(Path);

    private static ulong Base(ulong sector, ulong seed)
    {
        ulong z = ((sector + 1) * Step) ^ ((seed + 0x632be59bd9b4e019) * 0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
