using System.Text;
using System.Text.Json;
using Plugvisor.Plugins.Declarations;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Declarations;

public sealed class JsonScannerTests
{
    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"plain\"")]
    [InlineData("\"ä€😀\"")]
    [InlineData("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")]
    [InlineData("\"a\\u00e4\\ud83d\\ude00z\"")]
    public void A_string_is_what_the_library_makes_of_it(string json) =>
        Assert.Equal(JsonElement.Parse(json).GetString(), new JsonScanner(Encoding.UTF8.GetBytes(json)).String());

    [Fact]
    public void Objects_and_arrays_are_read_in_order_with_any_white_space()
    {
        var json = new JsonScanner(" { \"a\" : [ 1 , -2 ] ,\n\"b\":true,\"skip\":{\"x\":[{},[],null,1.5e3,\"]\"]},\"c\":18446744073709551615 } "u8);
        json.StartObject();
        Assert.Equal("a", Next(ref json));
        json.StartArray();
        Assert.True(json.NextElement());
        Assert.Equal(1, json.Integer());
        Assert.True(json.NextElement());
        Assert.Equal(-2, json.Integer());
        Assert.False(json.NextElement());
        Assert.Equal("b", Next(ref json));
        Assert.True(json.Boolean());
        Assert.Equal("skip", Next(ref json));
        json.Skip();
        Assert.Equal("c", Next(ref json));
        Assert.Equal(ulong.MaxValue, json.Unsigned());
        Assert.Null(Next(ref json));
        json.End();
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{\"a\"}")]
    [InlineData("{\"a\":}")]
    [InlineData("{\"a\":1 \"b\":2}")]
    [InlineData("{\"a\":1,}")]
    [InlineData("{\"a\":[1,}")]
    [InlineData("{\"a\":\"")]
    [InlineData("{\"a\":\"\\")]
    [InlineData("{\"a\":\"\n\"}")]
    [InlineData("{\"a\":truth}")]
    [InlineData("{\"a\":nul}")]
    [InlineData("{\"a\":1}x")]
    [InlineData("{\"\\u0061\":1}")]
    public void What_is_no_json_is_an_error(string text) => Assert.Throws<FormatException>(() =>
    {
        var json = new JsonScanner(Encoding.UTF8.GetBytes(text));
        json.Skip();
        json.End();
    });

    [Theory]
    [InlineData("0", 0)]
    [InlineData("-9223372036854775808", long.MinValue)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Integers_up_to_their_ends(string text, long value) => Assert.Equal(value, new JsonScanner(Encoding.UTF8.GetBytes(text)).Integer());

    [Theory]
    [InlineData("9223372036854775808")]
    [InlineData("-9223372036854775809")]
    [InlineData("18446744073709551616")]
    [InlineData("1.5")]
    [InlineData("1e3")]
    [InlineData("--1")]
    [InlineData("x")]
    public void An_integer_that_is_none_is_an_error(string text) => Assert.Throws<FormatException>(() => new JsonScanner(Encoding.UTF8.GetBytes(text)).Integer());

    [Theory]
    [InlineData("\"\\x\"")]
    [InlineData("\"\\u12\"")]
    [InlineData("\"\\u12g4\"")]
    public void An_escape_that_is_none_is_an_error(string text) => Assert.Throws<FormatException>(() => new JsonScanner(Encoding.UTF8.GetBytes(text)).String());

    [Fact]
    public void Depth_has_an_end() => Assert.Throws<FormatException>(() =>
    {
        var json = new JsonScanner(Encoding.UTF8.GetBytes(new string('[', 100_000)));
        json.Skip();
    });

    [Fact]
    public void A_mutated_manifest_is_read_or_refused()
    {
        var manifest = Encoding.UTF8.GetBytes(TestPlugins.Manifest(more: ",\"rules\":[{\"error\":\"e\",\"if\":\"a\",\"needs\":\"b\"}],\"slot\":7"));
        var random = new Random(3);
        var refused = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var copy = (byte[])manifest.Clone();
            copy[random.Next(copy.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) copy = copy[..random.Next(copy.Length)];
            try
            {
                DeviceDeclaration.Parse(copy);
            }
            catch (FormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 5_000, 19_999);
    }

    private static string? Next(ref JsonScanner json) => json.NextMember(out var name) ? Encoding.UTF8.GetString(name) : null;
}
