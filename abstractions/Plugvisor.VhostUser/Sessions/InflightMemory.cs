using Plugvisor.Linux.Files;

namespace Plugvisor.VhostUser.Sessions;

/// <summary>
/// Where a back end keeps what is in flight (section "Inflight I/O tracking"). It made the memory; we only keep it, for the back end that comes after it.
/// </summary>
/// <param name="Memory">The memory's descriptor.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Offset">Where it begins in the descriptor.</param>
internal sealed record InflightMemory(FileDescriptor Memory, ulong Size, ulong Offset) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();
}
