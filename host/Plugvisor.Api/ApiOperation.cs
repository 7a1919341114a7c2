using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Api;

/// <summary>One thing that the API can do, the same in every front end. Immutable; any thread.</summary>
public sealed class ApiOperation
{
    /// <summary>Its name, which is its REST path after <c>/api/v1/</c>: <c>vm.add-disk</c>.</summary>
    public required string Name { get; init; }

    /// <summary>How REST asks for it.</summary>
    public ApiVerb Verb { get; init; } = ApiVerb.Put;

    /// <summary>Whether it takes a document.</summary>
    public ApiBody Body { get; init; }

    /// <summary>How its answer looks.</summary>
    public ApiReplyKind Reply { get; init; }

    /// <summary>Its D-Bus method (<c>VmAddDisk</c>), or null where D-Bus does not offer it.</summary>
    public string? DBusMethod { get; init; }

    /// <summary>How many file descriptors may come with it.</summary>
    public int MaxDescriptors { get; init; }

    /// <summary>One line for documents and help.</summary>
    public required string Summary { get; init; }

    /// <summary>What the error chain says when it fails: <c>The VM could not be booted</c>.</summary>
    public required string Failure { get; init; }

    /// <summary>
    /// Whether D-Bus, whose errors are one text, answers a failure with the whole chain. The interface that we follow has the outermost message alone; this is for operations that it does not have.
    /// </summary>
    public bool TellsReason { get; init; }

    /// <summary>Name of the schema of its document, or null.</summary>
    public string? RequestSchema { get; init; }

    /// <summary>Name of the schema of its result, or null.</summary>
    public string? ReplySchema { get; init; }

    /// <summary>The device kind that it adds, or null.</summary>
    public DeviceConfigSchema? Device { get; init; }

    /// <summary>Runs it. What it throws is the answer.</summary>
    internal Func<ApiCall, Task<ApiReply>>? Run { get; init; }

    /// <summary>Why this version cannot do it, or null when it can.</summary>
    public string? Missing { get; init; }

    /// <summary>Whether this version can do it.</summary>
    public bool IsImplemented => Missing is null;
}
