using Plugvisor.Linux.Files;

namespace Plugvisor.Tests.Unit.Remote;

/// <summary>A request as it came: request line and headers, body, descriptors.</summary>
internal sealed record FakeRequest(string Head, string Body, IReadOnlyList<FileDescriptor> Descriptors)
{
    /// <summary><c>PUT /api/v1/vm.boot</c></summary>
    public string Line => Head.Split(" HTTP/1.1", 2)[0];
}
