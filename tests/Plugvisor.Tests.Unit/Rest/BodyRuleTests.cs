using Xunit;

namespace Plugvisor.Tests.Unit.Rest;

/// <summary>Interface reference section 1.2: which method and body a path takes, and what the answer to another one is.</summary>
public sealed class BodyRuleTests
{
    private const string BadRequest = """["Bad Request"]""";

    [Theory]
    [InlineData("GET", "vm.boot", null, BadRequest)]
    [InlineData("GET", "vm.create", null, BadRequest)]
    [InlineData("GET", "vmm.shutdown", null, BadRequest)]
    [InlineData("PUT", "vm.counters", null, BadRequest)]
    [InlineData("PUT", "vm.info", null, BadRequest)]
    [InlineData("PUT", "vmm.ping", "{}", BadRequest)]
    [InlineData("PATCH", "vm.boot", null, "")]
    [InlineData("DELETE", "vm.boot", null, "")]
    [InlineData("DELETE", "vm.counters", null, "")]
    [InlineData("PATCH", "vm.add-disk", "{}", "")]
    [InlineData("PATCH", "vm.create", "{}", BadRequest)]
    [InlineData("DELETE", "vm.info", null, BadRequest)]
    [InlineData("PATCH", "vmm.ping", null, BadRequest)]
    [InlineData("DELETE", "vmm.shutdown", null, BadRequest)]
    [InlineData("DELETE", "vmm.events", null, BadRequest)]
    [InlineData("PUT", "openapi.json", null, BadRequest)]
    [InlineData("PUT", "vm.boot", "{}", BadRequest)]
    [InlineData("PUT", "vmm.shutdown", "{}", BadRequest)]
    [InlineData("PUT", "vm.add-disk", null, BadRequest)]
    [InlineData("PUT", "vm.add-disk", "", BadRequest)]
    [InlineData("PUT", "vm.create", null, "")]
    [InlineData("PUT", "vm.create", "", "")]
    public async Task What_does_not_fit_is_400(string method, string name, string? body, string error)
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync(method, "/api/v1/" + name, body);

        Assert.Equal(("HTTP/1.1 400 ", error), (answer.StatusLine, answer.Body));
        Assert.Contains("\r\nServer: Cloud Hypervisor API\r\n", answer.Head);
        Assert.Contains($"\r\nContent-Length: {error.Length}\r\n", answer.Head);
        Assert.Empty(rig.Api.Asked);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task An_unknown_path_is_404_whatever_the_method(string method)
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync(method, "/api/v1/vm.nothing", "{}");

        Assert.Equal((404, """["Not Found"]"""), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData("PUT", "vm.boot", "", 204, "vm.boot")]
    [InlineData("GET", "vmm.ping", "ignored", 200, "vmm.ping")]
    [InlineData("GET", "vm.info", "", 200, "vm.info")]
    [InlineData("PUT", "vm.create", """{"a":[1]}""", 204, """vm.create {"a":[1]}""")]
    public async Task What_fits_is_done(string method, string name, string body, int status, string asked)
    {
        await using RestRig rig = await RestRig.StartAsync();

        RawAnswer answer = await rig.AskAsync(method, "/api/v1/" + name, body);

        Assert.Equal(status, answer.Status);
        Assert.Equal([asked], rig.Api.Asked);
    }
}
