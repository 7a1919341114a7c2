using System.Text.Json;

namespace Plugvisor.Api.OpenApi;

/// <summary>
/// The schemas of what <see cref="VmDocuments"/> writes. Tests hold every real answer against them: a member that is missing here, or there, fails.
/// </summary>
internal static class ReplySchemas
{
    private static readonly (string Name, string Schema)[] All =
    [
        (SchemaNames.Errors, """
            {"type":"array","description":"The chain of errors, outermost first","items":{"type":"string"},
             "example":["Error from API","The VM could not boot","VM config is missing"]}
            """),
        ("VmmPingResponse", """
            {"type":"object","required":["build_version","version","pid","features"],"additionalProperties":false,"properties":{
             "build_version":{"type":"string"},"version":{"type":"string"},"pid":{"type":"integer","format":"int64"},
             "features":{"type":"array","items":{"type":"string"}}}}
            """),
        ("PluginList", """
            {"type":"array","items":{"$ref":"#/components/schemas/PluginInfo"}}
            """),
        ("PluginInfo", """
            {"type":"object","required":["name","folder","status"],"additionalProperties":false,"properties":{
             "name":{"type":"string","example":"virtio-blk"},"folder":{"type":"string"},
             "status":{"type":"string","enum":["ready","replaced","refused","leaked"]},
             "reason":{"type":"string","description":"Why it is not used, or what holds the code of one that was unloaded"},
             "version":{"type":"string"},"kind":{"type":"string","example":"disk"},"contract":{"type":"string","example":"1.1"},
             "manifest":{"type":"object","additionalProperties":true,"description":"What it declares, as its author's build wrote it"}}}
            """),
        ("PluginRemoval", """
            {"type":"object","required":["name","status"],"additionalProperties":false,"properties":{
             "name":{"type":"string"},"status":{"type":"string","enum":["unloaded","leaked"]},
             "reason":{"type":"string","description":"What holds its code"}}}
            """),
        ("VmInfo", """
            {"type":"object","required":["config","state","memory_actual_size"],"additionalProperties":false,"properties":{
             "config":{"$ref":"#/components/schemas/VmConfig"},"state":{"type":"string","enum":["Created","Running","Paused"]},
             "memory_actual_size":{"type":"integer","format":"int64","description":"Bytes of RAM that the guest has"},
             "device_tree":{"type":"object","description":"Only of a booted VM","additionalProperties":{"$ref":"#/components/schemas/DeviceNode"}}}}
            """),
        ("DeviceNode", """
            {"type":"object","required":["id","resources","children"],"additionalProperties":false,"properties":{
             "id":{"type":"string"},"parent":{"type":"string"},"pci_bdf":{"type":"string","example":"0000:00:01.0"},
             "children":{"type":"array","items":{"type":"string"}},
             "resources":{"type":"array","items":{"type":"object","additionalProperties":false,"properties":{
              "PciBar":{"type":"object","required":["index","base","size","type_","prefetchable"],"additionalProperties":false,"properties":{
               "index":{"type":"integer"},"base":{"type":"integer","format":"int64"},"size":{"type":"integer","format":"int64"},
               "type_":{"type":"string","enum":["Io","Mmio32","Mmio64"]},"prefetchable":{"type":"boolean"}}},
              "MmioAddressRange":{"type":"object","required":["base","size"],"additionalProperties":false,"properties":{
               "base":{"type":"integer","format":"int64"},"size":{"type":"integer","format":"int64"}}}}}}}}
            """),
        ("VmCounters", """
            {"type":"object","description":"By device, then by counter",
             "additionalProperties":{"type":"object","additionalProperties":{"type":"integer","format":"int64","minimum":0}}}
            """),
        ("PciDeviceInfo", """
            {"type":"object","required":["id","bdf"],"additionalProperties":false,"properties":{
             "id":{"type":"string"},"bdf":{"type":"string","example":"0000:00:05.0"}}}
            """),
        ("VmmEvent", """
            {"type":"object","required":["timestamp","source","event","properties"],"additionalProperties":false,"properties":{
             "timestamp":{"type":"object","required":["secs","nanos"],"additionalProperties":false,"properties":{
              "secs":{"type":"integer","format":"int64"},"nanos":{"type":"integer","format":"int32"}}},
             "source":{"type":"string"},"event":{"type":"string"},
             "properties":{"type":"object","nullable":true,"additionalProperties":{"type":"string"}}}}
            """),
    ];

    public static void Write(Utf8JsonWriter output, HashSet<string> used)
    {
        foreach ((string name, string schema) in All)
        {
            if (!used.Contains(name)) continue;
            output.WritePropertyName(name);
            JsonElement.Parse(schema).WriteTo(output);
        }
    }
}
