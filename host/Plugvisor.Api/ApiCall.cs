using System.Text.Json;
using Plugvisor.Linux.Files;

namespace Plugvisor.Api;

/// <summary>What an operation is run with.</summary>
/// <param name="Api">The API that runs it.</param>
/// <param name="Operation">The operation.</param>
/// <param name="Document">Its document; undefined when it takes none.</param>
/// <param name="Descriptors">What came with it.</param>
/// <param name="Cancellation">The caller gave up.</param>
internal sealed record ApiCall(
    VmmApi Api, ApiOperation Operation, JsonElement Document, IReadOnlyList<FileDescriptor> Descriptors, CancellationToken Cancellation);
