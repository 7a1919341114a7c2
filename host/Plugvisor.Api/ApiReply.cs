namespace Plugvisor.Api;

/// <summary>The one answer to a command. Immutable.</summary>
public sealed class ApiReply
{
    private ApiReply(ApiStatus status) => Status = status;

    /// <summary>How it ended.</summary>
    public ApiStatus Status { get; }

    /// <summary>The result as JSON text in UTF-8; empty where there is none.</summary>
    public ReadOnlyMemory<byte> Document { get; private init; }

    /// <summary>The error chain as REST sends it, outermost first; empty after a success.</summary>
    public IReadOnlyList<string> Errors { get; private init; } = [];

    /// <summary>The one error text for front ends that have room for one; empty after a success.</summary>
    public string Message { get; private init; } = "";

    /// <summary>Whether it succeeded.</summary>
    public bool IsSuccess => Status is ApiStatus.Ok or ApiStatus.NoContent;

    /// <summary>A success without a result.</summary>
    public static ApiReply Done { get; } = new(ApiStatus.NoContent);

    /// <summary>A success without a result that REST answers with 200.</summary>
    public static ApiReply Empty { get; } = new(ApiStatus.Ok);

    /// <summary>A success with a result.</summary>
    public static ApiReply With(ReadOnlyMemory<byte> document) => new(ApiStatus.Ok) { Document = document };

    /// <summary>A failure.</summary>
    /// <param name="status">How it failed.</param>
    /// <param name="message">The one error text.</param>
    /// <param name="errors">The chain.</param>
    public static ApiReply Failed(ApiStatus status, string message, IReadOnlyList<string> errors) =>
        new(status) { Message = message, Errors = errors };
}
