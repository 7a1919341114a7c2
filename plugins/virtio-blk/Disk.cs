using System.Runtime.InteropServices;
using Plugvisor.Plugins.VirtioBlk.Images;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>What the queues of one disk share. Any thread.</summary>
internal sealed unsafe class Disk : IDisposable
{
    /// <summary>Bytes at <see cref="Zeros"/>.</summary>
    public const int ZeroBytes = 64 * 1024;

    private const int ZeroAlignment = 4096;

    private readonly byte[] _serial;
    private nint _zeros;
    private bool _writethrough;

    /// <summary>Takes over an open image.</summary>
    public Disk(RawImage image, bool readOnly, byte[] serial, RateLimiter? limiter)
    {
        Image = image;
        ReadOnly = readOnly;
        _serial = serial;
        Limiter = limiter is { IsLimiting: true } ? limiter : null;
    }

    /// <summary>The image.</summary>
    public RawImage Image { get; }

    /// <summary>Writes are refused.</summary>
    public bool ReadOnly { get; }

    /// <summary>What limits the disk, or null.</summary>
    public RateLimiter? Limiter { get; }

    /// <summary>The 20 bytes that GET_ID answers.</summary>
    public ReadOnlySpan<byte> Serial => _serial;

    /// <summary>Each write is on stable storage before it is answered (virtio 1.2 section 5.2.5.1). Set by a vCPU's thread.</summary>
    public bool Writethrough
    {
        get => Volatile.Read(ref _writethrough);
        set => Volatile.Write(ref _writethrough, value);
    }

    /// <summary>A page-aligned buffer of zeros to write where a filesystem cannot zero a range by itself. Made when first needed.</summary>
    public byte* Zeros
    {
        get
        {
            nint zeros = Volatile.Read(ref _zeros);
            if (zeros != 0) return (byte*)zeros;
            byte* fresh = (byte*)NativeMemory.AlignedAlloc(ZeroBytes, ZeroAlignment);
            NativeMemory.Clear(fresh, ZeroBytes);
            zeros = Interlocked.CompareExchange(ref _zeros, (nint)fresh, 0);
            if (zeros == 0) return fresh;
            NativeMemory.AlignedFree(fresh);   // another queue was faster
            return (byte*)zeros;
        }
    }

    /// <summary>Unlocks and closes the image. No queue runs any more.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree((void*)Interlocked.Exchange(ref _zeros, 0));
        Image.Dispose();
    }
}
