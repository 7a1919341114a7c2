using System.Globalization;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Plugins.Catalog;

/// <summary>Looks into one plugin folder.</summary>
internal static class PluginFolder
{
    public static PluginEntry Read(string folder)
    {
        var name = Path.GetFileName(folder);
        if (name.Length == 0) name = folder;   // the root
        string? assembly = null;
        DeviceDeclaration? declaration = null;
        byte[] manifest = [];
        string? reason;
        try
        {
            reason = Read(folder, out assembly, out declaration, out manifest);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            reason = $"it can not be read: {error.Message}";
        }

        return new PluginEntry
        {
            Name = name,
            Folder = folder,
            AssemblyPath = assembly,
            Declaration = declaration,
            Manifest = manifest,
            Status = reason is null ? PluginStatus.Ready : PluginStatus.Refused,
            Reason = reason,
        };
    }

    private static string? Read(string folder, out string? assembly, out DeviceDeclaration? declaration, out byte[] json)
    {
        assembly = null;
        declaration = null;
        json = [];
        var files = Directory.GetFiles(folder);
        Array.Sort(files, OrdinalOrder.Compare);
        foreach (var file in files)
        {
            var fileName = Path.GetFileName(file.AsSpan());
            if (ContractAssemblies.IsFile(fileName))
                return $"it carries its own {fileName}, which belongs to the host: delete the file, and reference the contract with ExcludeAssets=\"runtime\" (a project's reference with Private=\"false\" as well)";
        }

        if (FindManifest(files, out assembly, out json) is { } problem) return problem;
        if (assembly is null) return WhyNone(folder, files);
        try
        {
            declaration = DeviceDeclaration.Parse(json);
        }
        catch (FormatException error)
        {
            return error.Message;
        }

        return CheckContract(declaration);
    }

    private static string? FindManifest(string[] files, out string? assembly, out byte[] json)
    {
        assembly = null;
        json = [];
        string? damaged = null;
        foreach (var file in Candidates(files))
        {
            try
            {
                if (ManifestReader.Read(file) is not { } found) continue;
                if (assembly is not null) return $"{Path.GetFileName(assembly)} and {Path.GetFileName(file)} both have a plugin manifest: give each a folder of its own";
                assembly = file;
                json = found;
            }
            catch (BadImageFormatException error)
            {
                damaged ??= $"{Path.GetFileName(file)} is damaged: {error.Message}";
            }
        }

        return assembly is null ? damaged : null;
    }

    /// <summary>Why a folder without a manifest is no plugin: mostly it is the wrong folder, so this says which one is meant.</summary>
    private static string WhyNone(string folder, string[] files)
    {
        var plugins = new List<string>();
        foreach (var inner in Directory.GetDirectories(folder))
        {
            try
            {
                if (FindManifest(Directory.GetFiles(inner), out var assembly, out _) is null && assembly is not null) plugins.Add(Path.GetFileName(inner));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It is not the folder that was asked for.
            }
        }

        plugins.Sort(OrdinalOrder.Compare);
        if (plugins.Count > 0) return $"it is a directory of plugins and none itself: give the folder of one, {string.Join(" or ", plugins)}";
        return Array.Exists(files, static file => file.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
            ? "no assembly in it has a plugin manifest: build the plugin with the package Plugvisor.Abstractions, which has the generator for it, and mark its entry [DevicePlugin]"
            : "there is no assembly in it: a plugin's folder is what `dotnet publish` makes";
    }

    /// <summary>
    /// The assembly that has a .deps.json, when there is exactly one; its dependencies need not be looked at then. Otherwise every assembly.
    /// </summary>
    private static List<string> Candidates(string[] files)
    {
        const string Deps = ".deps.json";
        var all = new List<string>();
        string? main = null;
        var mains = 0;
        foreach (var file in files)
        {
            if (file.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)) all.Add(file);
            if (!file.EndsWith(Deps, StringComparison.Ordinal)) continue;
            main = string.Concat(file.AsSpan(0, file.Length - Deps.Length), ".dll");
            mains++;
        }

        return mains == 1 && Array.IndexOf(files, main) >= 0 ? [main!] : all;
    }

    private static string? CheckContract(DeviceDeclaration declaration)
    {
        var (major, minor) = (declaration.ContractMajor, declaration.ContractMinor);
        if (major == ContractVersion.Major && minor <= ContractVersion.Minor) return null;
        var versions = string.Create(
            CultureInfo.InvariantCulture,
            $"it is built for contract {major}.{minor}, this host has {ContractVersion.Major}.{ContractVersion.Minor}");
        return major < ContractVersion.Major ? $"{versions}: rebuild the plugin" : $"{versions}: it needs a newer Plugvisor, or a plugin built for this one";
    }
}
