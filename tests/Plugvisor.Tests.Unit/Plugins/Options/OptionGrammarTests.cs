using Plugvisor.Plugins.Options;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Options;

/// <summary>Interface reference, section 4.3, rule by rule.</summary>
public sealed class OptionGrammarTests
{
    private readonly OptionGrammar _grammar = new OptionGrammar().Keys("a", "b", "size").Valueless("off", "pty");

    [Theory]
    [InlineData("a=1,b=2", "1", "2")]
    [InlineData("  a=1,b=2  ", "1", "2")]
    [InlineData("a= 1 ,b=\t2", "1", "2")]
    [InlineData("a=x=y", "x=y", null)]
    [InlineData("a=1,a=2", "2", null)]
    [InlineData("a=1,a=", null, null)]
    [InlineData("a=", null, null)]
    [InlineData("", null, null)]
    [InlineData("   ", null, null)]
    [InlineData("a=\"1,b=2\"", "1,b=2", null)]
    [InlineData("a=\"[\",b=\"]]\"", "[", "]]")]
    [InlineData("a=x\"y,z\"w", "xy,zw", null)]
    [InlineData("a=\"say \"\"hi\"\"\"", "say \"hi\"", null)]
    [InlineData("a=\"\",b=2", "", "2")]
    [InlineData("a=[1,b=3],b=2", "[1,b=3]", "2")]
    [InlineData("a=[[1,2],[3]],b=2", "[[1,2],[3]]", "2")]
    [InlineData("a=ä\"ö\"", "äö", null)]
    public void Values_are_split_trimmed_and_unquoted(string text, string? a, string? b)
    {
        var values = _grammar.Parse(text);
        Assert.Equal(a, values.Text("a"));
        Assert.Equal(b, values.Text("b"));
    }

    [Theory]
    [InlineData("c=1", "Unknown option: c")]
    [InlineData("a=1, b=2", "Unknown option:  b")]
    [InlineData("A=1", "Unknown option: A")]
    [InlineData("/disk.img", "Unknown option: /disk.img")]
    [InlineData("a=1,", "Unknown option: ")]
    [InlineData("a", "Invalid syntax: a")]
    [InlineData("a=[1", "Invalid syntax: a=[1")]
    [InlineData("a=1]", "Invalid syntax: a=1]")]
    [InlineData("a=]1[", "Invalid syntax: a=]1[")]
    [InlineData("a=\"1", "Invalid syntax: a=\"1")]
    [InlineData("a=\"\"\"", "Invalid syntax: a=\"\"\"")]
    public void What_breaks_the_grammar_is_named(string text, string message) =>
        Assert.Equal(message, Assert.Throws<OptionException>(() => _grammar.Parse(text)).Message);

    [Fact]
    public void A_key_without_a_value_is_set_and_has_none()
    {
        var values = _grammar.Parse("pty,a=");
        Assert.True(values.IsSet("pty"));
        Assert.False(values.IsSet("off"));
        Assert.True(values.IsSet("a"));
        Assert.Null(values.Text("pty"));
        Assert.True(_grammar.Parse("off=whatever").IsSet("off"));
    }

    [Theory]
    [InlineData("on", true)]
    [InlineData("TRUE", true)]
    [InlineData("Off", false)]
    [InlineData("false", false)]
    public void Toggles(string text, bool value) => Assert.Equal(value, _grammar.Parse($"a={text}").Toggle("a"));

    [Theory]
    [InlineData("0", 0ul)]
    [InlineData("512", 512ul)]
    [InlineData("4K", 4096ul)]
    [InlineData("512M", 512ul << 20)]
    [InlineData("3G", 3ul << 30)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("17179869183G", 17179869183ul << 30)]
    public void Byte_sizes(string text, ulong bytes) => Assert.Equal(bytes, _grammar.Parse($"size={text}").ByteSize("size"));

    [Theory]
    [InlineData("a=maybe", "a")]
    [InlineData("a=1", "a")]
    public void A_toggle_that_is_none_is_named(string text, string key) =>
        Assert.Equal($"Unable to convert {text[2..]} for {key}", Assert.Throws<OptionException>(() => _grammar.Parse(text).Toggle(key)).Message);

    [Theory]
    [InlineData("4k")]
    [InlineData("1T")]
    [InlineData("1KM")]
    [InlineData("-1")]
    [InlineData("0x10")]
    [InlineData("1.5G")]
    [InlineData("G")]
    [InlineData("17179869184G")]
    [InlineData("18446744073709551616")]
    public void A_byte_size_that_is_none_is_named(string text) =>
        Assert.Equal($"Unable to convert {text} for size", Assert.Throws<OptionException>(() => _grammar.Parse($"size={text}").ByteSize("size")).Message);

    [Theory]
    [InlineData("65535", 65535ul)]
    [InlineData("007", 7ul)]
    [InlineData("\"7\"", 7ul)]
    public void Integers_up_to_a_limit(string text, ulong value) => Assert.Equal(value, _grammar.Parse($"a={text}").Integer("a", 65535));

    [Theory]
    [InlineData("65536")]
    [InlineData("+1")]
    [InlineData("1 0")]
    [InlineData("ten")]
    public void An_integer_that_is_none_is_named(string text) =>
        Assert.Equal($"Unable to convert {text} for a", Assert.Throws<OptionException>(() => _grammar.Parse($"a={text}").Integer("a", 65535)).Message);

    [Theory]
    [InlineData("[0,2-4,6]", new ulong[] { 0, 2, 3, 4, 6 })]
    [InlineData("[7]", new ulong[] { 7 })]
    [InlineData("7", new ulong[] { 7 })]
    [InlineData("2-3", new ulong[] { 2, 3 })]
    public void Integer_lists(string text, ulong[] values) => Assert.Equal(values, _grammar.Parse($"a={text}").Integers("a"));

    [Theory]
    [InlineData("[3-2]")]
    [InlineData("[3-3]")]
    [InlineData("[1-2-3]")]
    [InlineData("[1,]")]
    [InlineData("[]")]
    [InlineData("[a]")]
    [InlineData("[0-18446744073709551615]")]
    [InlineData("[256]")]
    public void An_integer_list_that_is_none_is_named(string text) =>
        Assert.Equal($"Unable to convert {text} for a", Assert.Throws<OptionException>(() => _grammar.Parse($"a={text}").Integers("a", 255)).Message);

    [Theory]
    [InlineData("[x,y]", new[] { "x", "y" })]
    [InlineData("[x]", new[] { "x" })]
    [InlineData("x", new[] { "x" })]
    [InlineData("[\"x,1\",y]", new[] { "x,1", "y" })]
    public void String_lists(string text, string[] values) => Assert.Equal(values, _grammar.Parse($"a={text}").Strings("a"));

    [Fact]
    public void Tuple_lists()
    {
        Assert.Equal([("0", "[1,2]"), ("1", "[3]")], _grammar.Parse("a=[0@[1,2], 1@[3] ]").Tuples("a")!);
        Assert.Equal([("\"x@y\"", "1")], _grammar.Parse("a=[\"x@y\"@1]").Tuples("a")!);
    }

    [Theory]
    [InlineData("0@1")]
    [InlineData("[0]")]
    [InlineData("[@1]")]
    [InlineData("[0@1@2]")]
    [InlineData("[]")]
    public void A_tuple_list_that_is_none_is_named(string text) =>
        Assert.Equal($"Unable to convert {text} for a", Assert.Throws<OptionException>(() => _grammar.Parse($"a={text}").Tuples("a")).Message);

    [Fact]
    public void A_range_without_end_is_a_mistake_not_a_list()
    {
        Assert.Equal(65_536, _grammar.Parse("a=[0-65535]").Integers("a")!.Count);
        Assert.Throws<OptionException>(() => _grammar.Parse("a=[0-65536]").Integers("a"));
        Assert.Throws<OptionException>(() => _grammar.Parse("a=[0-18446744073709551615]").Integers("a"));
    }
}
