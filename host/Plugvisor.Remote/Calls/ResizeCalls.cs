using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;
using Plugvisor.Remote.CommandLine;

namespace Plugvisor.Remote.Calls;

/// <summary>Makes the three calls that resize something.</summary>
internal static class ResizeCalls
{
    public const string Cpus = "--cpus", Memory = "--memory", Balloon = "--balloon", Disk = "--disk", Id = "--id", Size = "--size";

    /// <summary><c>resize</c>: what is given, and nothing when nothing is.</summary>
    public static RemoteCall Vm(CommandInput input)
    {
        var json = new JsonBuffer();
        json.StartObject();
        if (input.Option(Cpus) is { } cpus)
        {
            if (!OptionSyntax.TryReadInteger(cpus.Trim(), uint.MaxValue, out ulong count)) throw Invalid("Invalid CPU count", cpus, "a number such as 4");
            Documents.Number(json, "desired_vcpus", count);
        }

        if (input.Option(Memory) is { } memory) Documents.Number(json, "desired_ram", Bytes(memory, "Invalid memory size"));
        if (input.Option(Balloon) is { } balloon) Documents.Number(json, "desired_balloon", Bytes(balloon, "Invalid balloon size"));
        json.EndObject();
        return new RemoteCall("vm.resize", json.Written.ToArray());
    }

    /// <summary><c>resize-disk</c>, which D-Bus does not offer.</summary>
    public static RemoteCall OfDisk(CommandInput input) =>
        new("vm.resize-disk", Documents.Of("id", input.Option(Disk)!, "desired_size", Bytes(input.Option(Size)!, "Invalid disk size")))
        {
            DBusMethod = null,
        };

    /// <summary><c>resize-zone</c>.</summary>
    public static RemoteCall OfZone(CommandInput input) =>
        new("vm.resize-zone", Documents.Of("id", input.Option(Id)!, "desired_ram", Bytes(input.Option(Size)!, "Invalid memory size")));

    private static ulong Bytes(string text, string error) =>
        OptionSyntax.TryReadByteSize(text, ulong.MaxValue, out ulong size) ? size : throw Invalid(error, text, "a number of bytes such as 1073741824 or 1G");

    private static RemoteException Invalid(string error, string text, string expected) => RemoteException.Chain(error, $"'{text}' is not {expected}");
}
