using Plugvisor.Tests.Unit.Rest;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>One kept connection to the API, for tests that ask much.</summary>
internal sealed class ApiClient(string socket) : IDisposable
{
    private readonly RawClient _connection = new(socket);

    public Task<ApiAnswer> GetAsync(string operation) => SendAsync("GET", operation, null);

    public Task<ApiAnswer> PutAsync(string operation, string? body = null) => SendAsync("PUT", operation, body);

    /// <summary>Sends a request and reads its answer.</summary>
    public async Task<ApiAnswer> SendAsync(string verb, string operation, string? body)
    {
        await _connection.SendAsync(RestVmm.Request(verb, operation, body));
        RawAnswer answer = await _connection.ReadAsync();
        return new ApiAnswer(answer.Status, answer.StatusLine, answer.Head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)[1..], answer.Body);
    }

    public void Dispose() => _connection.Dispose();
}
