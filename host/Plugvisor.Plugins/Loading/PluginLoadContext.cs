using System.Reflection;
using System.Runtime.Loader;
using Plugvisor.Plugins.Catalog;

namespace Plugvisor.Plugins.Loading;

/// <summary>
/// Where a plugin's assemblies live. The contract comes from the host, private dependencies from the plugin's folder, the rest (the framework)
/// from the host.
/// </summary>
internal sealed class PluginLoadContext : AssemblyLoadContext
{
    private readonly string _assemblyPath;
    private readonly string _folder;
    private AssemblyDependencyResolver? _resolver;

    public PluginLoadContext(string assemblyPath, bool isCollectible)
        : base(Path.GetFileNameWithoutExtension(assemblyPath), isCollectible)
    {
        _assemblyPath = assemblyPath;
        _folder = Path.GetDirectoryName(assemblyPath)!;
    }

    /// <summary>
    /// Loads an assembly. One that can be unloaded is read into memory: the runtime keeps mapped files by their path, so a second context would get the
    /// first one's code after the file was replaced; and a file that is not mapped may be overwritten. Precompiled code, which needs the
    /// mapping, is ignored in such a context anyway.
    /// </summary>
    public Assembly Read(string path)
    {
        if (!IsCollectible) return LoadFromAssemblyPath(path);
        using var image = new MemoryStream(File.ReadAllBytes(path), writable: false);
        return LoadFromStream(image);
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        // Null asks the default context.
        var name = assemblyName.Name;
        if (name is null || ContractAssemblies.IsName(name)) return null;
        if (Resolve(assemblyName) is { } path) return Read(path);
        if (name.StartsWith("Plugvisor.", StringComparison.Ordinal))
            throw new FileLoadException($"`{name}` belongs to the host: a plugin sees {string.Join(", ", ContractAssemblies.Names)} only", name);
        return null;
    }

    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        Resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;

    private AssemblyDependencyResolver Resolver => _resolver ??= new AssemblyDependencyResolver(_assemblyPath);

    /// <summary>
    /// A dependency lies beside the plugin, where a build puts it; the resolver, which reads the .deps.json and costs milliseconds to make, is asked only
    /// for what lies deeper (a file for another runtime or culture).
    /// </summary>
    private string? Resolve(AssemblyName assemblyName)
    {
        if (string.IsNullOrEmpty(assemblyName.CultureName))
        {
            var beside = Path.Combine(_folder, assemblyName.Name + ".dll");
            if (File.Exists(beside)) return beside;
            if (!HasFolders()) return null;
        }

        return Resolver.ResolveAssemblyToPath(assemblyName);
    }

    private bool HasFolders()
    {
        using var folders = Directory.EnumerateDirectories(_folder).GetEnumerator();
        return folders.MoveNext();
    }
}
