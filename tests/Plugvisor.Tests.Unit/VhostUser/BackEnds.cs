using Plugvisor.Testing.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>A folder for sockets, and the fakes that listen there; all gone after the test.</summary>
internal sealed class BackEnds : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vhost-user-").FullName;
    private readonly List<FakeBackEnd> _all = [];
    private int _next;

    /// <summary>A path where nobody listens yet.</summary>
    public string NewPath() => Path.Combine(_folder, $"{Interlocked.Increment(ref _next)}.sock");

    /// <summary>Keeps a fake until the end, and starts it.</summary>
    public FakeBackEnd Start(FakeBackEnd made)
    {
        _all.Add(made);
        return made.Start();
    }

    public void Dispose()
    {
        foreach (FakeBackEnd each in _all) each.Dispose();
        Directory.Delete(_folder, recursive: true);
        Assert.All(_all, each => Assert.Null(each.Failure));
    }

    /// <summary>RAM in two parts, as in a machine with a hole.</summary>
    public static GuestMemoryMock MakeRam() => GuestMemoryMock.Shareable(new MockRegion(0, 32 << 20), new MockRegion(1ul << 32, 16 << 20));
}
