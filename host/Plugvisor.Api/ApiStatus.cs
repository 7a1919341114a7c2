namespace Plugvisor.Api;

/// <summary>How a command ended. The numbers are the HTTP status codes of interface reference section 1.3.</summary>
public enum ApiStatus
{
    /// <summary>Done; there may be a document.</summary>
    Ok = 200,

    /// <summary>Done; there is no document.</summary>
    NoContent = 204,

    /// <summary>The document or the configuration is wrong.</summary>
    BadRequest = 400,

    /// <summary>There is no VM, or no such device.</summary>
    NotFound = 404,

    /// <summary>An identifier or a path is in use.</summary>
    Conflict = 409,

    /// <summary>The guest has not finished the one before.</summary>
    TooManyRequests = 429,

    /// <summary>It failed, or is not legal now.</summary>
    InternalError = 500,

    /// <summary>This version cannot do it.</summary>
    NotImplemented = 501,
}
