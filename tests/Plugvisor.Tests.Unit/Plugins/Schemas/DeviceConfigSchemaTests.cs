using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Schemas;

public sealed class DeviceConfigSchemaTests
{
    private readonly DeviceConfigSchema _disk = new(SampleDeclarations.Disk);
    private readonly DeviceConfigSchema _console = new(SampleDeclarations.Console);
    private readonly DeviceConfigSchema _rng = new(SampleDeclarations.Rng);

    [Fact]
    public void An_option_becomes_the_whole_config_with_defaults()
    {
        Assert.Equal(
            """{"pci_segment":0,"path":"/a.img","readonly":true,"sparse":true,"num_queues":1,"queue_size":256,"window":2097152,"offset":-1,"vhost_user":false,"image_type":"Raw","disable_aio":false,"serial":"a,b"}""",
            _disk.FromOption("path=/a.img,readonly=on,queue_size=256,image_type=RAW,serial=\"a,b\"").GetRawText());
    }

    [Theory]
    [InlineData("id=d,iommu=on,pci_segment=2,pci_device_id=7", """{"id":"d","iommu":true,"pci_segment":2,"pci_device_id":7""")]
    [InlineData("iommu=off", """{"pci_segment":0,"readonly":""")]
    public void The_common_members_are_the_hosts(string option, string start) =>
        Assert.StartsWith(start, _disk.FromOption(option).GetRawText(), StringComparison.Ordinal);

    [Theory]
    [InlineData("size=4K", "size", "4096")]
    [InlineData("window=1M", "window", "1048576")]
    [InlineData("offset=-5", "offset", "-5")]
    [InlineData("socket=/s", "vhost_socket", "\"/s\"")]
    [InlineData("image_type=vhd", "image_type", "\"FixedVhd\"")]
    [InlineData("queue_affinity=[0@[1,3-5],1@[2]]", "queue_affinity", """[{"queue_index":0,"host_cpus":[1,3,4,5]},{"queue_index":1,"host_cpus":[2]}]""")]
    [InlineData("bars=[0,2-3]", "bars", "[0,2,3]")]
    [InlineData("tags=[a,b]", "tags", """["a","b"]""")]
    [InlineData("_disable_aio=on", "disable_aio", "true")]
    [InlineData("serial=ä<\\", "serial", "\"ä<\\\\\"")]
    [InlineData("serial=\"a\u0001\u001f\tb\u007f\"", "serial", "\"a\\u0001\\u001f\\u0009b\u007f\"")]
    public void Each_type_has_its_form(string option, string member, string json) =>
        Assert.Equal(json, _disk.FromOption(option).GetProperty(member).GetRawText());

    [Theory]
    [InlineData("by=-512M", -(512L << 20))]
    [InlineData("by=-1", -1L)]
    [InlineData("by=-0", 0L)]
    [InlineData("by=3G", 3L << 30)]
    [InlineData("by=-8589934592G", long.MinValue)]
    [InlineData("by=9223372036854775807", long.MaxValue)]
    [InlineData("little=-2G", (long)int.MinValue)]
    [InlineData("little=2097151K", (2L << 30) - 1024)]
    public void A_size_with_a_sign_goes_from_the_command_line_into_a_document_and_stays(string option, long bytes)
    {
        var schema = new DeviceConfigSchema(SampleDeclarations.Shift);
        var config = schema.FromOption(option);
        string member = option[..option.IndexOf('=', StringComparison.Ordinal)];
        Assert.Equal(bytes, config.GetProperty(member).GetInt64());
        Assert.Equal(config.GetRawText(), schema.Normalize(config).GetRawText());
    }

    [Fact]
    public void A_default_size_with_a_sign_is_told_as_it_would_be_typed()
    {
        var schema = new DeviceConfigSchema(SampleDeclarations.Shift);
        string typed = schema.Config.Keys.Single(key => key.Name == "by").Default!;
        Assert.Equal("-512M", typed);
        Assert.Equal(schema.FromOption("").GetRawText(), schema.FromOption($"by={typed}").GetRawText());
    }

    [Theory]
    [InlineData("by=-9223372036854775809")]
    [InlineData("by=-8589934593G")]
    [InlineData("by=8589934592G")]
    [InlineData("by=--1")]
    [InlineData("by=-")]
    [InlineData("by=- 1")]
    [InlineData("by=-M")]
    [InlineData("little=2G")]
    [InlineData("little=-2097153K")]
    public void A_size_that_its_type_cannot_hold_is_refused(string option) => Assert.Equal(
        $"Unable to convert {option[(option.IndexOf('=', StringComparison.Ordinal) + 1)..]} for {option[..option.IndexOf('=', StringComparison.Ordinal)]}",
        Assert.Throws<OptionException>(() => new DeviceConfigSchema(SampleDeclarations.Shift).FromOption(option)).InnerException!.Message);

    [Theory]
    [InlineData("bw_size=100,bw_refill_time=10", """{"bandwidth":{"size":100,"one_time_burst":0,"refill_time":10},"ops":null}""")]
    [InlineData("bw_size=100,bw_refill_time=10,ops_size=1,ops_refill_time=2,ops_one_time_burst=3",
        """{"bandwidth":{"size":100,"one_time_burst":0,"refill_time":10},"ops":{"size":1,"one_time_burst":3,"refill_time":2}}""")]
    [InlineData("bw_size=100", null)]
    [InlineData("bw_size=0,bw_refill_time=10", null)]
    [InlineData("bw_size=100,bw_refill_time=00,ops_one_time_burst=4", null)]
    public void A_bucket_exists_only_with_a_size_and_a_refill_time(string option, string? json)
    {
        var exists = _disk.FromOption(option).TryGetProperty("rate_limiter_config", out var limiter);
        Assert.Equal(json, exists ? limiter.GetRawText() : null);
    }

    [Theory]
    [InlineData("foo=1", "Error parsing --disk", "Unknown option: foo")]
    [InlineData("queue_size=70000", "Error parsing --disk", "Unable to convert 70000 for queue_size")]
    [InlineData("offset=4294967296", "Error parsing --disk", "Unable to convert 4294967296 for offset")]
    [InlineData("image_type=unknown", "Error parsing --disk", "Unable to convert unknown for image_type")]
    [InlineData("readonly=yes", "Error parsing --disk", "Unable to convert yes for readonly")]
    [InlineData("bw_size=x", "Error parsing --disk", "Unable to convert x for bw_size")]
    [InlineData("queue_affinity=[0@[1,x]]", "Error parsing --disk", "Unable to convert [0@[1,x]] for queue_affinity")]
    [InlineData("tags=[\"a]", "Error parsing --disk", "Invalid syntax: tags=[\"a]")]
    public void A_wrong_option_names_the_option_and_the_cause(string option, string message, string cause)
    {
        var error = Assert.Throws<OptionException>(() => _disk.FromOption(option));
        Assert.Equal(message, error.Message);
        Assert.Equal(cause, error.InnerException!.Message);
    }

    [Fact]
    public void What_must_be_given_is_named_in_one_line()
    {
        var error = Assert.Throws<OptionException>(() => new DeviceConfigSchema(SampleDeclarations.Fs).FromOption("id=x"));
        Assert.Equal("Error parsing --fs: tag missing", error.Message);
        Assert.Null(error.InnerException);
        Assert.Equal(
            "Error parsing --console: invalid console mode given, expected one of off, pty, tty, null, file=<value>, socket=<value>",
            Assert.Throws<OptionException>(() => _console.FromOption("")).Message);
    }

    [Fact]
    public void A_kind_without_iommu_has_no_such_key() =>
        Assert.Equal("Unknown option: iommu", Assert.Throws<OptionException>(() => _rng.FromOption("iommu=on")).InnerException!.Message);

    [Theory]
    [InlineData("off", """{"pci_segment":0,"mode":"Off"}""")]
    [InlineData("tty", """{"pci_segment":0,"mode":"Tty"}""")]
    [InlineData("file=/log", """{"pci_segment":0,"mode":"File","file":"/log"}""")]
    [InlineData("socket=/s,iommu=on", """{"iommu":true,"pci_segment":0,"mode":"Socket","socket":"/s"}""")]
    [InlineData("null,pty", """{"pci_segment":0,"mode":"Pty"}""")]
    [InlineData("file=/log,pty", """{"pci_segment":0,"mode":"Pty"}""")]
    [InlineData("file=", """{"pci_segment":0,"mode":"File"}""")]
    public void Values_can_be_keys(string option, string json) => Assert.Equal(json, _console.FromOption(option).GetRawText());

    [Fact]
    public void A_device_can_exist_or_be_absent_by_its_declaration()
    {
        Assert.Equal("""{"pci_segment":0,"src":"/dev/urandom"}""", _rng.DefaultDevice!.Value.GetRawText());
        Assert.Equal("""{"pci_segment":3,"src":"/dev/urandom"}""", _rng.FromOption("pci_segment=3").GetRawText());
        Assert.Null(_disk.DefaultDevice);
        Assert.True(_console.IsAbsent(_console.FromOption("off")));
        Assert.False(_console.IsAbsent(_console.DefaultDevice!.Value));
        Assert.False(_disk.IsAbsent(_disk.FromOption("")));
    }

    [Fact]
    public void A_flag_is_a_config_without_members()
    {
        var watchdog = new DeviceConfigSchema(SampleDeclarations.Watchdog);
        Assert.Equal("""{"pci_segment":0}""", watchdog.Normalize(JsonElement.Parse("true")).GetRawText());
        Assert.True(watchdog.IsAbsent(JsonElement.Parse("false")));
    }

    [Fact]
    public void Json_is_brought_into_the_declared_order_without_what_is_unknown()
    {
        Assert.Equal(
            """{"id":"x","pci_segment":0,"path":"/p","readonly":false,"sparse":false,"num_queues":1,"queue_size":128,"window":2097152,"offset":-1,"vhost_user":false,"image_type":"Unknown","rate_limiter_config":{"bandwidth":{"size":1,"one_time_burst":null,"refill_time":2},"ops":null},"disable_aio":false}""",
            Normalize("""{"future":{"a":1},"sparse":false,"path":"/p","rate_limiter_config":{"bandwidth":{"refill_time":2,"size":1,"x":1}},"iommu":false,"serial":null,"id":"x"}"""));
    }

    [Fact]
    public void Normal_form_is_stable()
    {
        var once = _disk.FromOption("id=a,path=/x,bw_size=1,bw_refill_time=1,queue_affinity=[0@[1]],iommu=on");
        Assert.Equal(once.GetRawText(), _disk.Normalize(once).GetRawText());
    }

    [Theory]
    [InlineData("[]", "member `disk`: expected an object, found []")]
    [InlineData("""{"queue_size":70000}""", "member `queue_size`: expected an integer from 0 to 65535, found 70000")]
    [InlineData("""{"queue_size":"1"}""", "member `queue_size`: expected an integer from 0 to 65535, found \"1\"")]
    [InlineData("""{"offset":-2147483649}""", "member `offset`: expected an integer from -2147483648 to 2147483647, found -2147483649")]
    [InlineData("""{"readonly":1}""", "member `readonly`: expected true or false, found 1")]
    [InlineData("""{"image_type":"raw"}""", "member `image_type`: expected one of Raw, Qcow2, FixedVhd, Unknown, found \"raw\"")]
    [InlineData("""{"rate_limiter_config":{"bw":1}}""", "unknown member `bw`")]
    [InlineData("""{"rate_limiter_config":{"ops":{"size":1}}}""", "missing member `refill_time`")]
    [InlineData("""{"queue_affinity":{}}""", "member `queue_affinity`: expected a list, found {}")]
    [InlineData("""{"queue_affinity":[{"queue_index":1}]}""", "missing member `host_cpus`")]
    [InlineData("""{"id":7}""", "member `id`: expected a string, found 7")]
    public void Json_of_a_wrong_shape_is_refused(string json, string message) =>
        Assert.Equal(message, Assert.Throws<ConfigException>(() => Normalize(json)).Message);

    [Theory]
    [InlineData("path=/p", null)]
    [InlineData("queue_size=100", "Queue size must be a power of 2 no greater than 32768: 100")]
    [InlineData("queue_size=2", "Block queue size must be greater than 2: 2")]
    [InlineData("num_queues=3", "Queue count (3) must not exceed boot vCPUs (2)")]
    [InlineData("num_queues=0", "Num queues must be at least 1: 0")]
    [InlineData("offset=11", "Offset must be at most 10: 11")]
    [InlineData("size=513", "Size must be a multiple of 512: 513")]
    [InlineData("bars=[1,6]", "Bars must be at most 5: 6")]
    [InlineData("serial=123456789012345678901", "Block device serial length (21) exceeds maximum allowed length (20)")]
    [InlineData("serial=äääääääääää", "Block device serial length (22) exceeds maximum allowed length (20)")]
    [InlineData("path=/p,socket=/s", "Disk path and vhost socket both provided")]
    [InlineData("vhost_user=on", "No socket provided when using vhost-user")]
    [InlineData("vhost_user=on,socket=/s", "Using vhost-user requires using shared memory or huge pages")]
    [InlineData("image_type=qcow2", "Only raw images can be sparse here")]
    [InlineData("image_type=qcow2,sparse=off", null)]
    [InlineData("pci_device_id=32", "Given PCI device ID (32) is out of the supported range of 0..32")]
    [InlineData("pci_device_id=0", "Given PCI device ID (0) is reserved")]
    [InlineData("pci_device_id=0,pci_segment=1", null)]
    public void Meaning_is_checked_with_the_texts_of_the_reference(string option, string? error) =>
        Assert.Equal(error, _disk.Check(_disk.FromOption(option), new ConfigContext { BootVcpus = 2 }));

    [Theory]
    [InlineData("ops_size=1,ops_refill_time=1")]
    [InlineData("rate_limit_group=g")]
    public void A_rule_can_exclude_several_members(string option)
    {
        var config = _disk.FromOption($"vhost_user=on,socket=/s,{option}");
        Assert.Equal("Rate limiting is not supported with vhost-user", _disk.Check(config, new ConfigContext { SharedMemory = true }));
    }

    [Fact]
    public void A_rule_can_depend_on_a_value() =>
        Assert.Equal("Path missing when using file console mode", _console.Check(_console.FromOption("file="), new ConfigContext()));

    [Fact]
    public void Help_lists_keys_with_form_meaning_and_default()
    {
        var text = new StringWriter { NewLine = "\n" };
        _console.WriteHelp(text);
        Assert.Equal(
            """
            --console: console
                id=<text>                     Name of the device, unique in the VM
                iommu=on|off                  Place it behind the virtual IOMMU (default: off)
                pci_segment=<number>          PCI segment to place it on (default: 0)
                pci_device_id=<number>        PCI slot (default: the lowest free one)
                off                           No console
                pty
                tty
                null
                file=<path>                   Output file
                socket=<path>
              When not given: --console tty

            """,
            text.ToString());
    }

    [Fact]
    public void Keys_tell_what_to_complete()
    {
        var keys = _disk.Config.Keys;
        Assert.Equal(["on", "off"], keys.Single(key => key.Name == "readonly").Choices);
        Assert.Equal(["raw", "qcow2", "vhd"], keys.Single(key => key.Name == "image_type").Choices);
        Assert.Equal("2M", keys.Single(key => key.Name == "window").Default);
        Assert.True(keys.Single(key => key.Name == "path").IsPath);
        Assert.True(keys.Single(key => key.Name == "_disable_aio").IsHidden);
        Assert.Equal("<[queue_index@[host_cpus],...]>", keys.Single(key => key.Name == "queue_affinity").Value);
        Assert.Contains(keys, key => key.Name == "ops_one_time_burst");
    }

    private string Normalize(string json) => _disk.Normalize(JsonElement.Parse(json)).GetRawText();
}
