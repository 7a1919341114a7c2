using Plugvisor.Linux.Files;

namespace Plugvisor.Rest.Transport;

/// <summary>
/// The file descriptors that came over a connection (SCM_RIGHTS), by the byte that they came with. A feature of the connection; those that nobody takes
/// are closed with it.
/// </summary>
internal interface IReceivedDescriptors
{
    /// <summary>Takes those that came with bytes before <paramref name="end"/>, in the order in which they came.</summary>
    /// <param name="end">A number of bytes since the connection began.</param>
    /// <returns>They are the caller's.</returns>
    IReadOnlyList<FileDescriptor> Take(long end);
}
