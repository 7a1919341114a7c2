using Xunit;

namespace Plugvisor.Tests.Unit.Generators;

public sealed class DiagnosticsTests
{
    [Theory]
    [InlineData("PLUG004", "public System.DateTime When { get; init; }")]
    [InlineData("PLUG004", "public static int When { get; set; }")]
    [InlineData("PLUG004", "public int When => 1;")]
    [InlineData("PLUG004", "public IReadOnlyList<bool> When { get; init; } = [];")]
    [InlineData("PLUG004", "public Other When { get; init; }")]
    [InlineData("PLUG004", "public IReadOnlyList<Single> When { get; init; } = [];")]
    [InlineData("PLUG005", "public string When { get; init; }")]
    [InlineData("PLUG005", "public int When { get; init; } = System.Environment.ProcessorCount;")]
    [InlineData("PLUG005", "public required int When { get; init; } = 1;")]
    [InlineData("PLUG005", "public IReadOnlyList<int> When { get; init; } = [1];")]
    [InlineData("PLUG005", "public Late When { get; init; }")]
    public void A_property_that_can_not_be_a_member_is_refused(string id, string property) =>
        Refuses(id, $$"""[ConfigMember("when")] {{property}}""");

    [Theory]
    [InlineData("PLUG005", """[ConfigMember("n", Min = 2)] public int N { get; init; } = 1;""")]
    [InlineData("PLUG005", """[ConfigMember("n", Max = 2)] public ulong N { get; init; } = 3;""")]
    [InlineData("PLUG006", """[ConfigMember("id")] public string? N { get; init; }""")]
    [InlineData("PLUG006", """[ConfigMember("n", Cli = "iommu")] public string? N { get; init; }""")]
    [InlineData("PLUG006", """[ConfigMember("n")] public int N { get; init; } [ConfigMember("n", NoCli = true)] public int M { get; init; }""")]
    [InlineData("PLUG006", """[ConfigMember("n")] public int N { get; init; } [ConfigMember("m", Cli = "n")] public int M { get; init; }""")]
    [InlineData("PLUG006", """[ConfigMember("o", Cli = "n_")] public Single? O { get; init; } [ConfigMember("n_x")] public int M { get; init; }""")]
    [InlineData("PLUG006", """[ConfigMember("m", ValuesAreKeys = true)] public Into M { get; init; } [ConfigMember("file", NoCli = true)] public string? F { get; init; } [ConfigMember("g", Cli = "file")] public int G { get; init; }""")]
    [InlineData("PLUG006", """[ConfigMember("m", ValuesAreKeys = true)] public Into M { get; init; } [ConfigMember("file")] public string? F { get; init; } [ConfigMember("off")] public int G { get; init; }""")]
    [InlineData("PLUG007", """[ConfigMember("N")] public int N { get; init; }""")]
    [InlineData("PLUG007", """[ConfigMember("n", Cli = "a=b")] public int N { get; init; }""")]
    [InlineData("PLUG008", """[ConfigMember("n", Min = 3, Max = 2)] public int N { get; init; }""")]
    [InlineData("PLUG008", """[ConfigMember("n", Max = -1)] public uint N { get; init; }""")]
    [InlineData("PLUG008", """[ConfigMember("n", ByteSize = true)] public string? N { get; init; }""")]
    [InlineData("PLUG008", """[ConfigMember("n", PowerOfTwo = true)] public bool N { get; init; }""")]
    [InlineData("PLUG008", """[ConfigMember("n", MaxLength = 1)] public int N { get; init; }""")]
    [InlineData("PLUG008", """[ConfigMember("n", ValuesAreKeys = true)] public int N { get; init; }""")]
    [InlineData("PLUG009", """[ConfigMember("n", ValuesAreKeys = true)] public Into N { get; init; }""")]
    public void A_setting_that_does_not_fit_is_refused(string id, string members) => Refuses(id, members);

    [Theory]
    [InlineData("PLUG007", "\"Kind\"", "")]
    [InlineData("PLUG007", "\"kind\", Section = \"a-b\"", "")]
    [InlineData("PLUG007", "\"kind\", IdPrefix = \"kind\"", "")]
    [InlineData("PLUG008", "\"kind\", FixedId = \"__kind\"", "")]
    [InlineData("PLUG008", "\"kind\", IdPrefix = \"_a\", FixedId = \"__kind\", Cardinality = DeviceCardinality.Single", "")]
    [InlineData("PLUG008", "\"kind\", Cardinality = DeviceCardinality.Flag", "")]
    [InlineData("PLUG008", "\"kind\", DefaultDevice = \"x=1\"", "")]
    [InlineData("PLUG009", "\"kind\", AbsentWhen = \"mode=Off\"", "")]
    [InlineData("PLUG008", "\"kind\"", "[ConfigRule(\"e\")]")]
    [InlineData("PLUG008", "\"kind\"", "[ConfigRule(\"e\", Needs = \"x\", Excludes = \"iommu\")]")]
    [InlineData("PLUG009", "\"kind\"", "[ConfigRule(\"e\", If = \"y=1\", Needs = \"x\")]")]
    [InlineData("PLUG009", "\"kind\"", "[ConfigRule(\"e\", Excludes = \"@shared_memory\")]")]
    public void A_kind_that_contradicts_itself_is_refused(string id, string kind, string rule)
    {
        var run = GeneratorRun.Of(GeneratorRun.Entry + $$"""
            {{rule}}
            [DeviceConfig({{kind}})]
            public partial class Config { [ConfigMember("x")] public int X { get; init; } }
            """);
        Assert.Equal(id, Assert.Single(run.Result.Diagnostics).Id);
        Assert.DoesNotContain(run.Result.GeneratedTrees, tree => tree.FilePath.Contains("PluginManifest", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("PLUG003", "public class Config { }")]
    [InlineData("PLUG003", "public abstract partial class Config { }")]
    [InlineData("PLUG003", "public partial class Config<T> { }")]
    [InlineData("PLUG003", "public partial class Config : Other { } public class Other { }")]
    public void A_class_that_can_not_be_completed_is_refused(string id, string config) =>
        Assert.Equal(id, Assert.Single(GeneratorRun.Of($"""{GeneratorRun.Entry}[DeviceConfig("kind")] {config}""").Result.Diagnostics).Id);

    [Theory]
    [InlineData("class Plugin : IDevicePlugin { IDevice IDevicePlugin.Create(DeviceRequest r, IDeviceHost h) => null!; }")]
    [InlineData("public class Plugin { }")]
    [InlineData("public class Plugin(int x) : IDevicePlugin { public IDevice Create(DeviceRequest r, IDeviceHost h) => null!; }")]
    [InlineData("public abstract class Plugin : IDevicePlugin { public abstract IDevice Create(DeviceRequest r, IDeviceHost h); }")]
    public void An_entry_that_can_not_be_made_is_refused(string entry)
    {
        var run = GeneratorRun.Of($"""[DevicePlugin] {entry} [DeviceConfig("kind")] public partial class Config; """);
        Assert.Equal("PLUG002", Assert.Single(run.Result.Diagnostics).Id);
    }

    [Fact]
    public void An_entry_without_a_config_or_two_configs_are_refused()
    {
        Assert.Equal("PLUG001", Assert.Single(GeneratorRun.Of(GeneratorRun.Entry).Result.Diagnostics).Id);
        var two = GeneratorRun.Of(GeneratorRun.Entry + """[DeviceConfig("a")] public partial class A; [DeviceConfig("b")] public partial class B;""");
        Assert.Equal(
            "PLUG001: A plugin assembly has one class with [DevicePlugin] and one with [DeviceConfig]; this one has 1 and 2", Assert.Single(two.Problems));
    }

    [Fact]
    public void A_complaint_points_at_the_member()
    {
        var problem = Assert.Single(GeneratorRun.Of(Config("""[ConfigMember("BAD")] public int Wrong { get; init; }""")).Result.Diagnostics);
        Assert.Equal("Sample.cs", problem.Location.GetLineSpan().Path);
        Assert.Equal("Wrong".Length, problem.Location.SourceSpan.Length);
    }

    private static void Refuses(string id, string members) => Assert.Equal(id, Assert.Single(GeneratorRun.Of(Config(members)).Result.Diagnostics).Id);

    private static string Config(string members) => $$"""
        {{GeneratorRun.Entry}}
        [DeviceConfig("kind")] public partial class Config { {{members}} }
        public class Other { }
        [ConfigObject] public partial class Single { [ConfigMember("x")] public int X { get; init; } }
        public enum Late { One = 1 }
        public enum Into { Off, [ConfigValue("File", ValueInto = "file")] File }
        """;
}
