using Plugvisor.Rest;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>Interface reference section 1.1: what cannot be parsed is answered in its own way, and the connection stays open.</summary>
public sealed class ParseErrorTests
{
    private const string Ping = "GET /api/v1/vmm.ping HTTP/1.1\r\n\r\n";

    [Theory]
    [InlineData("POST /api/v1/vmm.ping HTTP/1.1\r\n\r\n", "Invalid HTTP Method: Unsupported HTTP method.")]
    [InlineData("HEAD / HTTP/1.1\r\n\r\n", "Invalid HTTP Method: Unsupported HTTP method.")]
    [InlineData("get / HTTP/1.1\r\n\r\n", "Invalid HTTP Method: Unsupported HTTP method.")]
    [InlineData(" GET / HTTP/1.1\r\n\r\n", "Invalid HTTP Method: Unsupported HTTP method.")]
    [InlineData("GET  HTTP/1.1\r\n\r\n", "Invalid URI: Empty URI not allowed.")]
    [InlineData("GET /\xff HTTP/1.1\r\n\r\n", "Invalid URI: Cannot parse URI as UTF-8.")]
    [InlineData("GET / HTTP/2\r\n\r\n", "Invalid HTTP Version: Unsupported HTTP version.")]
    [InlineData("GET / http/1.1\r\n\r\n", "Invalid HTTP Version: Unsupported HTTP version.")]
    [InlineData("GET / HTTP/1.1 \r\n\r\n", "Invalid HTTP Version: Unsupported HTTP version.")]
    [InlineData("GET /\r\n\r\n", "Invalid request.")]
    [InlineData("\r\n", "Invalid request.")]
    [InlineData("nonsense\r\n", "Invalid request.")]
    [InlineData("GET / HTTP/1.1\r\nno colon\r\n\r\n", "Invalid header. Reason: Header is incorrectly formatted. Key: no colon")]
    [InlineData("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "Invalid header. Reason: Invalid value. Key:Content-Length; Value: -1")]
    [InlineData("GET / HTTP/1.1\r\ncontent-length: 1x\r\n\r\n", "Invalid header. Reason: Invalid value. Key:content-length; Value: 1x")]
    [InlineData("PUT / HTTP/1.1\r\nContent-Length: 4294967296\r\n\r\n", "Invalid header. Reason: Invalid value. Key:Content-Length; Value: 4294967296")]
    [InlineData("PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", "Invalid header. Reason: Invalid value. Key:Content-Length; Value: 3")]
    [InlineData("GET / HTTP/1.1\r\nAccept-Encoding:\r\n\r\n", "Invalid request.")]
    [InlineData("PUT / HTTP/1.1\r\nContent-Length: 4194305\r\n\r\n",
        "Request payload with size 4194305 is larger than the limit of 4194304 allowed by server.")]
    public async Task The_connection_goes_on_after(string bytes, string message)
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync(bytes);
        RawAnswer answer = await client.ReadAsync();

        string body = $"{{ \"error\": \"{message}\nAll previous unanswered requests will be dropped.\" }}";
        Assert.Equal("HTTP/1.1 400 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
            + $"Content-Length: {body.Length}\r\n\r\n{body}", answer.ToString());
        await client.SendAsync(Ping);
        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    [Theory]
    [InlineData(1024, 404)]
    [InlineData(1025, 400)]
    public async Task A_request_line_has_1024_bytes(int length, int status)
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();
        string line = "GET /" + new string('a', length - "GET / HTTP/1.1".Length) + " HTTP/1.1";

        await client.SendAsync(line + "\r\n\r\n");

        Assert.Equal(status, (await client.ReadAsync()).Status);
        await client.SendAsync(Ping);
        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    [Theory]
    [InlineData(1024, 200)]
    [InlineData(1025, 400)]
    public async Task A_header_line_has_1024_bytes(int length, int status)
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync("GET /api/v1/vmm.ping HTTP/1.1\r\nX-A: " + new string('a', length - 5) + "\r\n\r\n");

        Assert.Equal(status, answer.Status);
        if (status == 400) Assert.Contains("Invalid header. Reason: Invalid content length. Header: X-A: aaaa", answer.Body);
    }

    [Fact]
    public async Task A_line_without_end_is_refused_once_it_is_too_long()
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync(new string('x', 5000));

        Assert.Contains("Invalid request.", answer.Body);
    }

    [Fact]
    public async Task Many_headers_are_no_error()
    {
        await using RestRig rig = await RestRig.StartAsync();

        string headers = string.Concat(Enumerable.Range(0, 2000).Select(i => $"X-{i}: {new string('v', 200)}\r\n"));
        RawAnswer answer = await rig.AskAsync("GET /api/v1/vmm.ping HTTP/1.1\r\n" + headers + "\r\n");

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task A_body_may_have_4_MiB()
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync("PUT", "/api/v1/vm.create", new string('a', 4 * 1024 * 1024));

        Assert.Equal(204, answer.Status);
        Assert.Equal(4 * 1024 * 1024 + "vm.create ".Length, Assert.Single(rig.Api.Asked).Length);
    }

    [Fact]
    public async Task A_gigabyte_is_refused_at_once_and_what_was_sent_of_it_is_not_taken_for_requests()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync("PUT /api/v1/vm.create HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n");
        Assert.Contains("Request payload with size 1073741824 is larger", (await client.ReadAsync()).Body);
        await client.SendAsync(new string('a', 1024 * 1024));
        await client.SendAsync("\r\n\r\n");
        await client.SendAsync(new string('b', 100_000));

        // The client gives up on the body: what looks like a request is one.
        await PingUntilAnsweredAsync(client);
    }

    [Fact]
    public async Task The_body_of_a_refused_request_is_not_taken_for_a_request()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync("POST /api/v1/vm.create HTTP/1.1\r\nContent-Length: 10\r\n\r\n01");
        Assert.Contains("Unsupported HTTP method", (await client.ReadAsync()).Body);
        await client.SendAsync("23456789" + Ping);

        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    [Theory]
    [InlineData("PUT /api/v1/vm.create HTTP/1.1\r\nContent-Length: 4194310\r\n", "\r\n")]
    [InlineData("PUT /api/v1/vm.create HTTP/1.1\r\nContent-Length: 10\r\n", "no colon\r\n\r\n")]
    public async Task The_same_when_its_head_comes_in_pieces(string first, string second)
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();
        int body = first.Contains("4194310", StringComparison.Ordinal) ? 4194310 : 10;

        await client.SendAndBeReadAsync(first);
        await client.SendAsync(second);
        Assert.Equal(400, (await client.ReadAsync()).Status);
        await client.SendAsync(new string('x', body));
        await client.SendAsync(Ping);

        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task The_body_of_a_refused_request_that_waited_for_100_does_not_come()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync("PUT /api/v1/vm.create HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n");
        Assert.Equal("HTTP/1.1 400 ", (await client.ReadAsync()).StatusLine);
        await client.SendAsync("POST / HTTP/1.1\r\n\r\n");

        Assert.Contains("Unsupported HTTP method", (await client.ReadAsync()).Body);
    }

    [Fact]
    public async Task What_came_with_an_error_is_dropped()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync("POST / HTTP/1.1\r\n\r\n" + Ping + Ping);
        Assert.Equal(400, (await client.ReadAsync()).Status);
        await client.SendAsync(RestRig.Request("GET", "/api/v1/vm.info"));

        Assert.Equal(200, (await client.ReadAsync()).Status);
        Assert.Equal(["vm.info"], rig.Api.Asked);
    }

    [Theory]
    [InlineData("GET /api/v1/vmm.p")]
    [InlineData("GET /api/v1/vmm.ping HTTP/1.1\r\nHost: a")]
    [InlineData("PUT /api/v1/vm.create HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")]
    public async Task A_request_that_does_not_get_on_is_answered_and_closed(string begin)
    {
        var limits = new RestLimits { HeadTime = TimeSpan.FromMilliseconds(300), BodyTime = TimeSpan.FromMilliseconds(300) };
        await using RestRig rig = await RestRig.StartAsync(limits);
        using RawClient idle = rig.Connect();
        using RawClient slow = rig.Connect();

        await slow.SendAsync(begin);
        RawAnswer answer = await slow.ReadAsync();

        Assert.Equal("HTTP/1.1 400 ", answer.StatusLine);
        Assert.Contains("did not arrive in time", answer.Body);
        Assert.Equal("", await slow.ReadToEndAsync());
        // Who has asked for nothing yet may stay.
        await idle.SendAsync(Ping);
        Assert.Equal(200, (await idle.ReadAsync()).Status);
    }

    private static async Task PingUntilAnsweredAsync(RawClient client)
    {
        Task<RawAnswer> answer = client.ReadAsync();
        while (!answer.IsCompleted)
        {
            await client.SendAsync(Ping);
            await Task.WhenAny(answer, Task.Delay(50, TestContext.Current.CancellationToken));
        }

        Assert.Equal(200, (await answer).Status);
    }
}
