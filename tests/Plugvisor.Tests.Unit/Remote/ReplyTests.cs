using Xunit;

namespace Plugvisor.Tests.Unit.Remote;

/// <summary>What plugvisor-remote makes of answers: output, error chain and exit code, to the letter of interface reference section 4.4.</summary>
public sealed class ReplyTests
{
    private const string Head = "Server: Cloud Hypervisor API\r\nConnection: keep-alive\r\n";

    [Fact]
    public async Task A_document_is_printed_as_it_comes()
    {
        const string Body = """{"build_version":"v54.0.0","version":"54.0.0","pid":7,"features":["kvm"]}""";
        RemoteProcess result = await AskAsync($"HTTP/1.1 200 \r\n{Head}Content-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}", "ping");
        Assert.Equal(Body + "\n", result.Succeeded());
    }

    [Theory]
    [InlineData("HTTP/1.1 204 \r\n" + Head + "\r\n")]
    [InlineData("HTTP/1.1 200 \r\n" + Head + "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\r\nserver: other\r\n\r\n")]
    [InlineData("HTTP/1.1 100 \r\n\r\nHTTP/1.1 204 \r\n" + Head + "\r\n")]
    public async Task A_success_without_a_document_prints_nothing(string answer) => Assert.Equal("", (await AskAsync(answer, "boot")).Succeeded());

    [Fact]
    public async Task A_refusal_is_the_servers_chain_behind_two_links_of_our_own()
    {
        const string Body =
            """["Error from API","The VM could not boot","Failed to validate config","Payload configuration is not bootable","No bootitem provided: neither firmware nor kernel"]""";
        RemoteProcess result = await AskAsync($"HTTP/1.1 400 \r\n{Head}Content-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}", "boot");
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Equal(
            """
            Error: ch-remote exited with the following chain of errors:
              0: http client error
              1: Server responded with BadRequest
              2: Error from API
              3: The VM could not boot
              4: Failed to validate config
              5: Payload configuration is not bootable
              6: No bootitem provided: neither firmware nor kernel

            """, result.Errors);
    }

    [Theory]
    [InlineData(400, "BadRequest")]
    [InlineData(404, "NotFound")]
    [InlineData(409, "Unknown")]
    [InlineData(429, "TooManyRequests")]
    [InlineData(500, "InternalServerError")]
    [InlineData(501, "NotImplemented")]
    [InlineData(503, "Unknown")]
    public async Task Status_codes_have_these_names(int status, string name)
    {
        RemoteProcess result = await AskAsync($"HTTP/1.1 {status} \r\n{Head}Content-Length: 0\r\n\r\n", "pause");
        Assert.Equal($"Error: ch-remote exited with the following chain of errors:\n  0: http client error\n  1: Server responded with {name}\n", result.Errors);
        Assert.Equal(1, result.ExitCode);
    }

    [Theory]
    [InlineData("The VM could not boot", "The VM could not boot")]
    [InlineData("{ \"error\": \"Too many open connections\" }", "{ \"error\": \"Too many open connections\" }")]
    [InlineData("[\"a\",7]", "a\n  3: 7")]
    public async Task Words_that_are_no_list_are_shown_as_they_are(string body, string shown)
    {
        RemoteProcess result = await AskAsync($"HTTP/1.1 500 \r\n{Head}Content-Length: {body.Length}\r\n\r\n{body}", "boot");
        Assert.Contains($"\n  2: {shown}\n", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "The server closed the connection without an answer")]
    [InlineData("HTTP/1.1 200 \r\nContent-Length: 50\r\n\r\n{}", "The server closed the connection in the middle of its reply")]
    [InlineData("HTTP/1.1 20", "The server closed the connection in the middle of its reply")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n\r\n", "The server's answer is no HTTP reply: SSH-2.0-OpenSSH_9.2")]
    [InlineData("HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n", "The server's reply has no readable length: Content-Length: -1")]
    [InlineData("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "The server's reply has a chunk of no size: zz")]
    public async Task What_is_no_reply_is_an_error_with_its_reason(string answer, string reason)
    {
        RemoteProcess result = await AskAsync(answer, "info");
        Assert.Equal((1, $"Error: ch-remote exited with the following chain of errors:\n  0: http client error\n  1: {reason}\n"), (result.ExitCode, result.Errors));
    }

    [Fact]
    public async Task Events_are_followed_to_the_end_of_the_stream()
    {
        RemoteProcess result = await AskAsync(
            $"HTTP/1.1 200 \r\n{Head}Transfer-Encoding: chunked\r\n\r\n8\r\n{{\"a\":1}}\n\r\n4;x=y\r\n{{\"b\"\r\n4\r\n:2}}\n\r\n0\r\n\r\n", "events");
        Assert.Equal("{\"a\":1}\n{\"b\":2}\n", result.Succeeded());
    }

    [Fact]
    public async Task A_server_that_knows_the_operation_and_not_the_plugin_is_not_called_another()
    {
        const string Body = """["Error from API","The plugin could not be unloaded","there is no plugin nope; vmm.plugins lists those that there are"]""";
        RemoteProcess result = await AskAsync($"HTTP/1.1 404 \r\n{Head}Content-Length: {Body.Length}\r\n\r\n{Body}", "unload-plugin", "nope");
        Assert.EndsWith("  4: there is no plugin nope; vmm.plugins lists those that there are\n", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_a_plugin_for_a_device_says_how_to_get_one()
    {
        RemoteProcess result = await AskAsync($"HTTP/1.1 404 \r\n{Head}Content-Length: 13\r\n\r\n[\"Not Found\"]", "add-gizmo", "{}");
        Assert.EndsWith("  1: Server responded with NotFound\n  2: Not Found\n  3: No plugin of this server has devices of kind gizmo; load-plugin gives it one\n",
            result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_a_list_of_plugins_says_so()
    {
        RemoteProcess result = await AskAsync($"HTTP/1.1 404 \r\n{Head}Content-Length: 13\r\n\r\n[\"Not Found\"]", "plugins");
        Assert.Equal(1, result.ExitCode);
        Assert.EndsWith("  1: Server responded with NotFound\n  2: Not Found\n  3: This server has no vmm.plugins: it is another VMM, or a version of Plugvisor without it\n",
            result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_there_is_not_is_another_matter()
    {
        RemoteProcess result = await AskAsync($"HTTP/1.1 404 \r\n{Head}Content-Length: 39\r\n\r\n[\"Error from API\",\"there is no plugin\"]", "unload-plugin", "x");
        Assert.EndsWith("  2: Error from API\n  3: there is no plugin\n", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_that_nobody_listens_on_is_named()
    {
        RemoteProcess result = await RemoteProcess.RunAsync("--api-socket", "/nowhere/api.sock", "ping");
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(
            "Error: ch-remote exited with the following chain of errors:\n  0: Error opening HTTP socket\n  1: connect to /nowhere/api.sock: No such file or directory (errno 2)\n",
            result.Errors);
    }

    private static async Task<RemoteProcess> AskAsync(string answer, params string[] arguments)
    {
        using var server = new FakeApiServer(answer);
        return await RemoteProcess.RunAsync(["--api-socket", server.Path, .. arguments]);
    }
}
