using Plugvisor.Api;
using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>Interface reference section 1.1: what goes over the wire, byte for byte.</summary>
public sealed class DialectTests
{
    private const string Answer = "Server: Cloud Hypervisor API\r\nConnection: keep-alive\r\n";
    private const string Document = Answer + "Content-Type: application/json\r\n";

    [Fact]
    public async Task A_document_has_no_reason_phrase_and_these_headers_in_this_order()
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync("GET", "/api/v1/vmm.ping");

        Assert.Equal($"HTTP/1.1 200 \r\n{Document}Content-Length: 7\r\n\r\n{{\"a\":1}}", answer.ToString());
    }

    [Fact]
    public async Task A_204_has_neither_type_nor_length()
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync("PUT", "/api/v1/vm.boot");

        Assert.Equal($"HTTP/1.1 204 \r\n{Answer}\r\n", answer.ToString());
    }

    [Fact]
    public async Task A_200_may_be_empty()
    {
        await using RestRig rig = await RestRig.StartAsync();
        rig.Api.Answer = static (_, _) => Task.FromResult(ApiReply.Empty);

        RawAnswer answer = await rig.AskAsync("PUT", "/api/v1/vmm.shutdown");

        Assert.Equal($"HTTP/1.1 200 \r\n{Document}Content-Length: 0\r\n\r\n", answer.ToString());
    }

    [Theory]
    [InlineData(ApiStatus.BadRequest, 400)]
    [InlineData(ApiStatus.NotFound, 404)]
    [InlineData(ApiStatus.Conflict, 409)]
    [InlineData(ApiStatus.TooManyRequests, 429)]
    [InlineData(ApiStatus.InternalError, 500)]
    [InlineData(ApiStatus.NotImplemented, 501)]
    public async Task An_error_is_an_array_of_its_chain(ApiStatus status, int number)
    {
        await using RestRig rig = await RestRig.StartAsync();
        rig.Api.Answer = (_, _) => Task.FromResult(ApiReply.Failed(status, "top", ["Error from API", "can't \"open\" <a> & ä", "line\nbreak"]));

        RawAnswer answer = await rig.AskAsync("PUT", "/api/v1/vm.boot");

        string body = """["Error from API","can't \"open\" <a> & ä","line\nbreak"]""";
        Assert.Equal($"HTTP/1.1 {number} \r\n{Document}Content-Length: {body.Length + 1}\r\n\r\n{body}", answer.ToString());
    }

    [Fact]
    public async Task An_api_that_throws_is_answered_with_500()
    {
        await using RestRig rig = await RestRig.StartAsync();
        rig.Api.Answer = static (_, _) => throw new InvalidOperationException("a defect");

        RawAnswer answer = await rig.AskAsync("PUT", "/api/v1/vm.boot");

        Assert.Equal((500, """["Internal Server Error"]"""), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task An_answer_to_http_1_0_is_http_1_1_and_keeps_the_connection()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync("GET /api/v1/vmm.ping HTTP/1.0\r\n\r\n");
        Assert.Equal("HTTP/1.1 200 ", (await client.ReadAsync()).StatusLine);
        await client.SendAsync("GET /api/v1/vmm.ping HTTP/1.1\r\nConnection: close\r\n\r\n");
        Assert.Equal("HTTP/1.1 200 ", (await client.ReadAsync()).StatusLine);
        await client.SendAsync(RestRig.Request("PUT", "/api/v1/vm.boot"));
        Assert.Equal(204, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task Requests_in_one_packet_are_answered_in_their_order()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync(RestRig.Request("GET", "/api/v1/vmm.ping") + RestRig.Request("PUT", "/api/v1/vm.create", "{}")
            + RestRig.Request("GET", "/none") + RestRig.Request("PUT", "/api/v1/vm.boot"));

        foreach (int status in new[] { 200, 204, 404, 204 }) Assert.Equal(status, (await client.ReadAsync()).Status);
        Assert.Equal(["vmm.ping", "vm.create {}", "vm.boot"], rig.Api.Asked);
    }

    [Fact]
    public async Task A_request_may_come_byte_by_byte()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        foreach (char c in RestRig.Request("PUT", "/api/v1/vm.create", """{"payload":{}}""")) await client.SendAsync(c.ToString());

        Assert.Equal(204, (await client.ReadAsync()).Status);
        Assert.Equal(["""vm.create {"payload":{}}"""], rig.Api.Asked);
    }

    [Fact]
    public async Task Who_ends_sending_still_gets_the_answer()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync(RestRig.Request("GET", "/api/v1/vmm.ping"));
        client.EndSending();

        Assert.Equal(200, (await client.ReadAsync()).Status);
        Assert.Equal("", await client.ReadToEndAsync());
    }

    [Theory]
    [InlineData("/api/v1/vmm.ping", 200)]
    [InlineData("http://localhost/api/v1/vmm.ping", 200)]
    [InlineData("http://localhost:80/api/v1/vmm.ping", 200)]
    [InlineData("http://localhost", 404)]
    [InlineData("http://", 404)]
    [InlineData("https://localhost/api/v1/vmm.ping", 404)]
    [InlineData("/api/v1/vmm.ping?x", 404)]
    [InlineData("/api/v1/vmm.ping/", 404)]
    [InlineData("/api/v1/VMM.ping", 404)]
    [InlineData("//api/v1/vmm.ping", 404)]
    [InlineData("/api/v1/vmm%2eping", 404)]
    [InlineData("/api/v1/", 404)]
    [InlineData("/", 404)]
    [InlineData("*", 404)]
    public async Task A_path_matches_exactly(string target, int status)
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync("GET", target);

        Assert.Equal(status, answer.Status);
        if (status == 404) Assert.Equal("""["Not Found"]""", answer.Body);
    }

    [Theory]
    [InlineData("gzip, deflate", true)]
    [InlineData("identity", true)]
    [InlineData("*;q=0, identity", true)]
    [InlineData("gzip;q=0", true)]
    [InlineData("identity;q=0", false)]
    [InlineData("gzip, identity;q=0", false)]
    [InlineData("*;q=0", false)]
    [InlineData("gzip,*;q=0", false)]
    public async Task Encodings_that_forbid_identity_are_refused(string value, bool accepted)
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync($"GET /api/v1/vmm.ping HTTP/1.1\r\nAccept-Encoding: {value}\r\n\r\n");

        Assert.Equal(accepted ? 200 : 400, answer.Status);
        if (!accepted) Assert.Contains("Invalid header. Reason: Invalid value. Key:Accept-Encoding; Value:", answer.Body);
    }

    [Fact]
    public async Task Types_and_unknown_headers_do_not_matter()
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync(
            "PUT /api/v1/vm.create HTTP/1.1\r\nContent-Type: text/html\r\nAccept: image/png\r\nX-Own:\r\ncOnTeNt-LeNgTh : 2 \r\nExpect: 103\r\n\r\n{}");

        Assert.Equal(204, answer.Status);
    }

    [Fact]
    public async Task A_client_that_waits_for_100_gets_it_before_it_sends_the_body()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync("PUT /api/v1/vm.create HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 100 \r\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
        await client.SendAsync("{}");

        Assert.Equal(204, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task Chunks_are_not_decoded()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();

        await client.SendAsync("PUT /api/v1/vm.add-disk HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        Assert.Equal((400, """["Bad Request"]"""), await StatusAndBody(client));
        await client.SendAsync("2\r\n{}\r\n0\r\n\r\n");

        Assert.Contains("Invalid request.", (await client.ReadAsync()).Body);
        await client.SendAsync(RestRig.Request("GET", "/api/v1/vmm.ping"));
        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task The_description_of_the_api_is_served()
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync("GET", "/api/v1/openapi.json");

        Assert.Equal((200, """{"openapi":"3.1.0"}"""), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task Paths_come_and_go_with_the_catalog()
    {
        await using RestRig rig = await RestRig.StartAsync();
        using RawClient client = rig.Connect();
        await client.SendAsync(RestRig.Request("PUT", "/api/v1/vm.add-foo", "{}"));
        Assert.Equal(404, (await client.ReadAsync()).Status);

        rig.Api.Replace(FakeApi.Operation("vm.add-foo", body: ApiBody.Required));

        await client.SendAsync(RestRig.Request("PUT", "/api/v1/vm.add-foo", "{}") + RestRig.Request("GET", "/api/v1/vmm.ping"));
        Assert.Equal(204, (await client.ReadAsync()).Status);
        Assert.Equal(404, (await client.ReadAsync()).Status);
    }

    private static async Task<(int Status, string Body)> StatusAndBody(RawClient client)
    {
        RawAnswer answer = await client.ReadAsync();
        return (answer.Status, answer.Body);
    }
}
