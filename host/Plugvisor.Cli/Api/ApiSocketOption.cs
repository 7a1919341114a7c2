using System.Globalization;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Linux.Files;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Cli.Api;

/// <summary>The value of <c>--api-socket</c>: <c>PATH</c>, <c>path=PATH</c>, <c>fd=N</c> or <c>none</c>.</summary>
/// <param name="Kind">What it names.</param>
/// <param name="Path">The path, for <see cref="ApiSocketKind.Path"/> and <see cref="ApiSocketKind.Default"/>.</param>
/// <param name="Descriptor">The number, for <see cref="ApiSocketKind.Descriptor"/>.</param>
internal sealed record ApiSocketOption(ApiSocketKind Kind, string Path = "", int Descriptor = -1)
{
    private const string PathKey = "path=", DescriptorKey = "fd=", NoSocket = "none";
    private const int OthersMay = 0x3f;   // 0077

    /// <summary>Reads the option.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public static ApiSocketOption Read(string? text)
    {
        if (text is null) return new ApiSocketOption(ApiSocketKind.Default, DefaultPath());
        if (text == NoSocket) return new ApiSocketOption(ApiSocketKind.None);
        if (text.StartsWith(DescriptorKey, StringComparison.Ordinal))
        {
            string number = text[DescriptorKey.Length..];
            return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int descriptor)
                ? new ApiSocketOption(ApiSocketKind.Descriptor, Descriptor: descriptor)
                : throw new OptionException($"Error parsing {HostOptions.ApiSocket}", new OptionException($"'{number}' is no file descriptor"));
        }

        string path = text.StartsWith(PathKey, StringComparison.Ordinal) ? text[PathKey.Length..] : text;
        return path.Length > 0
            ? new ApiSocketOption(ApiSocketKind.Path, path)
            : throw new OptionException($"Error parsing {HostOptions.ApiSocket}", new OptionException("the path is empty; 'none' stands for no API"));
    }

    /// <summary>Why there cannot be a socket in the directory of the default path, or null when there can.</summary>
    public string? WhyNotDefault()
    {
        string directory = System.IO.Path.GetDirectoryName(Path)!;
        if (PathStatus.TryRead(directory) is not { } status) return $"{directory} does not exist";
        if (!status.IsDirectory) return $"{directory} is no directory";
        if (status.Owner != UserIdentity.Id) return $"{directory} belongs to somebody else";
        return (status.Mode & OthersMay) == 0 ? null : $"{directory} is open to others";
    }

    private static string DefaultPath() => string.Create(
        CultureInfo.InvariantCulture, $"/run/user/{UserIdentity.Id}/cloud-hypervisor.{Environment.ProcessId}");
}
