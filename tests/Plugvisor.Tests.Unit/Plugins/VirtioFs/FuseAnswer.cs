using System.Runtime.CompilerServices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>What the server answered.</summary>
/// <param name="Written">Bytes of the whole answer; 0 for none.</param>
/// <param name="Error">An errno, 0 for success.</param>
/// <param name="Body">The bytes behind the header.</param>
internal sealed record FuseAnswer(uint Written, int Error, byte[] Body)
{
    /// <summary>The body, or its part from <paramref name="at"/> on, as a structure.</summary>
    public T As<T>(int at = 0) where T : unmanaged
    {
        Assert.True(Error == 0, $"errno {Error}");
        Assert.True(Body.Length >= at + Unsafe.SizeOf<T>(), $"an answer of {Body.Length} bytes");
        return Unsafe.ReadUnaligned<T>(ref Body[at]);
    }
}
