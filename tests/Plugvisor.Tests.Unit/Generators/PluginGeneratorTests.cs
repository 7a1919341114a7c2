using System.Text.Json;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Plugvisor.Tests.Unit.Generators;

public sealed class PluginGeneratorTests
{
    private const string Disk = GeneratorRun.Entry + """
        [DeviceConfig("disk", Section = "disks", Slot = 200, HotPluggable = true, Removable = true, Help = "A \"disk\"", Example = "path=/a.img")]
        [ConfigRule("Disk path and vhost socket both provided", If = "path", Excludes = "vhost_socket")]
        [ConfigRule("No memory to share", If = "image_type=Raw", Needs = "vhost_socket," + ConfigRuleAttribute.SharedMemory)]
        public sealed partial class DiskConfig
        {
            [ConfigMember("path", IsPath = true, Help = "Image")] public string? Path { get; init; }
            [ConfigMember("readonly")] public bool Readonly { get; init; }
            [ConfigMember("sparse")] public bool Sparse { get; init; } = true;
            [ConfigMember("num_queues", Min = 1, QueuesPerVcpu = 1, Label = "Queue count")] public ushort NumQueues { get; init; } = 1;
            [ConfigMember("queue_size", Min = 3, RangeError = "too small: {0}", PowerOfTwo = true)] public ushort QueueSize { get; } = 1 << 7;
            [ConfigMember("size", ByteSize = true, MultipleOf = 512)] public ulong? Size { get; set; }
            [ConfigMember("offset")] public long Offset { get; init; } = -1;
            [ConfigMember("vhost_socket", Cli = "socket")] public string? VhostSocket { get; init; }
            [ConfigMember("image_type", Hidden = true)] public ImageType ImageType { get; init; } = ImageType.Unknown;
            [ConfigMember("rate_limiter_config")] public RateLimiterConfig? RateLimiterConfig { get; init; }
            [ConfigMember("queue_affinity")] public IReadOnlyList<QueueAffinity> QueueAffinity { get; init; } = [];
            [ConfigMember("names", NoCli = true)] public string[]? Names { get; init; }
            [ConfigMember("serial", MaxLength = 20)] public required string Serial { get; init; }
            public int NotDeclared { get; set; }
        }

        public enum ImageType
        {
            Raw,
            [ConfigValue("FixedVhd", Cli = "vhd", Help = "Fixed")] FixedVhd,
            [ConfigValue("Unknown", NoCli = true)] Unknown,
        }

        [ConfigObject]
        public sealed partial class QueueAffinity
        {
            [ConfigMember("queue_index")] public required ushort QueueIndex { get; init; }
            [ConfigMember("host_cpus")] public required IReadOnlyList<uint> HostCpus { get; init; }
        }
        """;

    [Fact]
    public void The_manifest_says_everything_that_was_declared_and_nothing_else()
    {
        var run = GeneratorRun.Of(Disk);
        Assert.Empty(run.Problems);
        Assert.Equal(
            """
            {"manifest":1,"contract":"1.1","version":"0.0.0.0","entry":"Plugin","kind":"disk","section":"disks","cardinality":"list",
            "idPrefix":"_disk","slot":200,"hotPluggable":true,"removable":true,"iommu":true,"help":"A \"disk\"","example":"path=/a.img","members":[
            {"name":"path","type":"string","cli":"path","path":true,"help":"Image"},
            {"name":"readonly","type":"toggle","cli":"readonly","default":false},
            {"name":"sparse","type":"toggle","cli":"sparse","default":true},
            {"name":"num_queues","type":"integer","cli":"num_queues","default":1,"width":"u16","min":1,"queuesPerVcpu":1,"label":"Queue count"},
            {"name":"queue_size","type":"integer","cli":"queue_size","default":128,"width":"u16","min":3,"rangeError":"too small: {0}","powerOfTwo":32768},
            {"name":"size","type":"integer","cli":"size","width":"u64","bytes":true,"multipleOf":512},
            {"name":"offset","type":"integer","cli":"offset","default":-1,"width":"i64"},
            {"name":"vhost_socket","type":"string","cli":"socket"},
            {"name":"image_type","type":"enum","cli":"image_type","default":"Unknown","hidden":true,"values":[
            {"name":"Raw","cli":"raw"},{"name":"FixedVhd","cli":"vhd","help":"Fixed"},{"name":"Unknown"}]},
            {"name":"rate_limiter_config","type":"object","cli":"","object":{"rejectUnknown":true,"showNulls":true,"members":[
            {"name":"bandwidth","type":"object","cli":"bw_","help":"Limit in bytes","object":{"showNulls":true,"presentWhen":"size,refill_time","members":[
            {"name":"size","type":"integer","cli":"size","required":true,"width":"u64","help":"Tokens in a full bucket"},
            {"name":"one_time_burst","type":"integer","cli":"one_time_burst","cliDefault":"0","width":"u64","help":"Extra tokens at start, never refilled"},
            {"name":"refill_time","type":"integer","cli":"refill_time","required":true,"width":"u64","unit":"ms","help":"Time in which an empty bucket fills up"}]}},
            {"name":"ops","type":"object","cli":"ops_","help":"Limit in operations","object":{"showNulls":true,"presentWhen":"size,refill_time","members":[
            {"name":"size","type":"integer","cli":"size","required":true,"width":"u64","help":"Tokens in a full bucket"},
            {"name":"one_time_burst","type":"integer","cli":"one_time_burst","cliDefault":"0","width":"u64","help":"Extra tokens at start, never refilled"},
            {"name":"refill_time","type":"integer","cli":"refill_time","required":true,"width":"u64","unit":"ms","help":"Time in which an empty bucket fills up"}]}}]}},
            {"name":"queue_affinity","type":"tuples","cli":"queue_affinity","default":[],"object":{"members":[
            {"name":"queue_index","type":"integer","cli":"queue_index","required":true,"width":"u16"},
            {"name":"host_cpus","type":"integers","cli":"host_cpus","required":true,"width":"u32"}]}},
            {"name":"names","type":"strings"},
            {"name":"serial","type":"string","cli":"serial","required":true,"maxLength":20}],
            "rules":[{"error":"Disk path and vhost socket both provided","if":"path","excludes":"vhost_socket"},
            {"error":"No memory to share","if":"image_type=Raw","needs":"vhost_socket,@shared_memory"}]}
            """.Replace("\n", "", StringComparison.Ordinal),
            run.Manifest);
    }

    [Fact]
    public void The_binding_reads_what_is_there_and_keeps_the_defaults()
    {
        var config = From("""
            {"id":"d","serial":"s","path":null,"queue_size":256,"size":18446744073709551615,"offset":-5,"image_type":"FixedVhd","names":["a","b"],
             "rate_limiter_config":{"ops":{"size":1,"refill_time":2}},"queue_affinity":[{"queue_index":3,"host_cpus":[1,4294967295]}],"unknown":1}
            """);
        Assert.Null(config.Path);
        Assert.False(config.Readonly);
        Assert.True(config.Sparse);
        Assert.Equal(1, config.NumQueues);
        Assert.Equal(256, config.QueueSize);
        Assert.Equal(ulong.MaxValue, config.Size);
        Assert.Equal(-5, config.Offset);
        Assert.Equal("FixedVhd", config.ImageType.ToString());
        Assert.Equal(["a", "b"], (string[])config.Names);
        Assert.Null(config.RateLimiterConfig.Bandwidth);
        Assert.Equal(2ul, config.RateLimiterConfig.Ops.RefillTime);
        Assert.Equal(3, config.QueueAffinity[0].QueueIndex);
        Assert.Equal([1u, uint.MaxValue], (uint[])config.QueueAffinity[0].HostCpus);
        Assert.Empty(From("""{"serial":"s"}""").QueueAffinity);
    }

    [Theory]
    [InlineData("{}", "missing member `serial`")]
    [InlineData("[]", "member `disk`: expected an object, found []")]
    [InlineData("""{"serial":1}""", "member `serial`: expected a string, found 1")]
    [InlineData("""{"serial":"s","readonly":"on"}""", "member `readonly`: expected true or false, found \"on\"")]
    [InlineData("""{"serial":"s","num_queues":65536}""", "member `num_queues`: expected an integer from 0 to 65535, found 65536")]
    [InlineData("""{"serial":"s","num_queues":-1}""", "member `num_queues`: expected an integer from 0 to 65535, found -1")]
    [InlineData("""{"serial":"s","num_queues":1.5}""", "member `num_queues`: expected an integer from 0 to 65535, found 1.5")]
    [InlineData("""{"serial":"s","image_type":"raw"}""", "member `image_type`: expected one of Raw, FixedVhd, Unknown, found \"raw\"")]
    [InlineData("""{"serial":"s","image_type":1}""", "member `image_type`: expected one of Raw, FixedVhd, Unknown, found 1")]
    [InlineData("""{"serial":"s","names":"a"}""", "member `names`: expected a list, found \"a\"")]
    [InlineData("""{"serial":"s","names":[1]}""", "member `names`: expected a string, found 1")]
    [InlineData("""{"serial":"s","rate_limiter_config":{"x":1}}""", "unknown member `x`")]
    [InlineData("""{"serial":"s","rate_limiter_config":{"ops":{"size":1}}}""", "missing member `refill_time`")]
    public void The_binding_names_what_is_wrong(string json, string message)
    {
        var thrown = Assert.Throws<System.Reflection.TargetInvocationException>(() => From(json));
        Assert.Equal(message, thrown.InnerException!.Message);
    }

    [Fact]
    public void The_generated_source_is_as_recorded()
    {
        var run = GeneratorRun.Of("""
            namespace Sample;
            [ConfigObject(RejectUnknown = true)]
            public partial class Pair
            {
                [ConfigMember("queue_index")] public required ushort Index { get; init; }
                [ConfigMember("cpus")] public IReadOnlyList<int> Cpus { get; init; } = [];
                [ConfigMember("mode")] public Mode Mode { get; init; }
            }
            public enum Mode { Off, On }
            """);
        Assert.Empty(run.Problems);
        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Generators", "Pair.g.cs.txt")), run.Source("Sample.Pair.g.cs"));
    }

    [Fact]
    public void A_change_elsewhere_does_not_run_the_outputs_again()
    {
        var second = GeneratorRun.Of(Disk).And("class Elsewhere { }");
        var outputs = second.Result.Results[0].TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(step => step.Outputs).ToList();
        Assert.NotEmpty(outputs);
        Assert.All(outputs, output => Assert.Equal(IncrementalStepRunReason.Cached, output.Reason));
    }

    private static readonly Lazy<System.Reflection.MethodInfo> DiskFrom =
        new(() => GeneratorRun.Of(Disk).Build().GetType("DiskConfig")!.GetMethod("From")!);

    private static dynamic From(string json)
    {
        using var document = JsonDocument.Parse(json);
        return DiskFrom.Value.Invoke(null, [document.RootElement])!;
    }
}
