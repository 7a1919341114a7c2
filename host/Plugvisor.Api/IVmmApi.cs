using Plugvisor.Control.Events;
using Plugvisor.Linux.Files;

namespace Plugvisor.Api;

/// <summary>The VMM as its front ends see it. All members may be used by any thread at any time, also while the VMM ends.</summary>
public interface IVmmApi
{
    /// <summary>What can be asked for now.</summary>
    ApiCatalog Catalog { get; }

    /// <summary>The catalog is another one now. Raised on the thread that changed it; handlers return soon.</summary>
    event Action? CatalogChanged;

    /// <summary>Describes what can be asked for now as an OpenAPI document: JSON text in UTF-8.</summary>
    ReadOnlyMemory<byte> DescribeOpenApi();

    /// <summary>What happens in the VMM, for front ends that tell their clients.</summary>
    EventHub Events { get; }

    /// <summary>
    /// Runs an operation and gives its one answer. A failure is an answer, not an exception. A caller that stops waiting does not stop a command
    /// that the control loop has taken.
    /// </summary>
    /// <param name="operation">One of the catalog's.</param>
    /// <param name="body">Its JSON document in UTF-8; empty for none. Read before the first await.</param>
    /// <param name="descriptors">What came with it. They are the callee's now, also after a failure.</param>
    /// <param name="cancellation">The caller gave up: a command that still waits for its turn is dropped.</param>
    /// <exception cref="OperationCanceledException">The caller gave up before the control loop took the command.</exception>
    Task<ApiReply> InvokeAsync(
        ApiOperation operation, ReadOnlyMemory<byte> body, IReadOnlyList<FileDescriptor> descriptors, CancellationToken cancellation = default);
}
