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
    VmmApi Api, ApiOperation Operation, JsonElement Document, IReadOnlyList<FileDescriptor> Descriptors, CancellationToken Cancellation)
{
    /// <summary>Whether the descriptors are somebody else's now.</summary>
    public bool HasKeptDescriptors { get; private set; }

    /// <summary>The configuration has taken the descriptors over. Without this they are closed when the call ends.</summary>
    public void KeepDescriptors() => HasKeptDescriptors = true;

    /// <summary>Numbers of the caller's descriptors were in the document; they are another process's.</summary>
    public void WarnOfNumbers(string member) => Api.WarnOnce(
        $"{Operation.Name}: numbers of descriptors in \"{member}\" mean nothing to another process and are ignored; descriptors come beside the request");
}
