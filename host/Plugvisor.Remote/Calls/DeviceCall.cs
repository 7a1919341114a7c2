using System.Globalization;
using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Linux.Sockets;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Remote.Calls;

/// <summary>
/// Makes <c>vm.add-KIND</c> from what was typed: the option's grammar by the declaration of the kind's plugin, or a JSON document as it is. Numbers of
/// descriptors mean nothing to the VMM; the descriptors themselves go along in their place.
/// </summary>
internal static class DeviceCall
{
    /// <summary>The operation that adds a device of a kind.</summary>
    public static string Operation(string kind) => "vm.add-" + kind;

    /// <summary>The call for a kind whose plugin is known here.</summary>
    /// <exception cref="RemoteException">The value cannot be taken.</exception>
    public static RemoteCall Make(DeviceConfigSchema kind, string text)
    {
        if (IsDocument(text)) return Document(kind.Declaration.Kind, text);
        try
        {
            return WithDescriptors(kind.Declaration, kind.FromOption(text));
        }
        catch (Exception e) when (e is OptionException or ConfigException)
        {
            throw new RemoteException($"Error parsing {kind.Declaration.Noun} syntax", e);
        }
    }

    /// <summary>The call for a kind of which nothing is known here but its name, and which the server does not know either.</summary>
    /// <exception cref="RemoteException">What was typed is no JSON document, and there is no declaration to read it by.</exception>
    public static RemoteCall Make(string kind, string text, string whyUnknown)
    {
        if (IsDocument(text)) return Document(kind, text);
        throw RemoteException.Chain(
            $"Error parsing {kind} syntax", whyUnknown,
            $"A JSON document in place of the options needs no plugin here: add-{kind} '{{\"id\":\"name\", ...}}'");
    }

    /// <summary>The call for a kind that no plugin here declares, by what the server's plugins do.</summary>
    /// <exception cref="RemoteException">The value cannot be taken, or no plugin there declares the kind either.</exception>
    public static RemoteCall Make(string kind, string text, List<DeviceConfigSchema> declared, string whyUnknown) =>
        Make(declared.Find(one => one.Declaration.Kind == kind) ?? throw RemoteException.Chain($"Error parsing {kind} syntax", NotThere(kind), whyUnknown), text);

    /// <summary>Whether a JSON document stands in place of options.</summary>
    public static bool IsDocument(string text) => text.AsSpan().TrimStart().StartsWith('{');

    /// <summary>That the server has no such devices, and what to do.</summary>
    public static string NotThere(string kind) => $"No plugin of this server has devices of kind {kind}; load-plugin gives it one";

    private static RemoteCall Document(string kind, string text) => new(Operation(kind), Encoding.UTF8.GetBytes(text)) { WhenUnknown = NotThere(kind) };

    private static RemoteCall WithDescriptors(DeviceDeclaration declaration, JsonElement config)
    {
        var descriptors = new List<int>();
        var json = new JsonBuffer();
        json.StartObject();
        foreach (JsonProperty member in config.EnumerateObject())
        {
            if (declaration.Config.Find(member.Name) is { IsDescriptor: true })
            {
                Collect(member.Value, descriptors);
                continue;
            }

            json.Name(member.Name);
            json.Raw(member.Value.GetRawText());
        }

        json.EndObject();
        if (descriptors.Count > UnixStream.MaxDescriptors)
        {
            throw new ConfigException(string.Create(
                CultureInfo.InvariantCulture, $"{descriptors.Count} descriptors are more than the {UnixStream.MaxDescriptors} that can be sent at once"));
        }

        return new RemoteCall(Operation(declaration.Kind), json.Written.ToArray()) { Descriptors = descriptors, WhenUnknown = NotThere(declaration.Kind) };
    }

    private static void Collect(JsonElement value, List<int> descriptors)
    {
        if (value.ValueKind == JsonValueKind.Number) descriptors.Add(value.GetInt32());
        else if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in value.EnumerateArray()) Collect(item, descriptors);
        }
    }
}
