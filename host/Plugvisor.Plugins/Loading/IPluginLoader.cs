namespace Plugvisor.Plugins.Loading;

/// <summary>
/// Loads a plugin's assembly apart from the host and from other plugins. The seam is shaped so that another loading library
/// (McMaster.NETCore.Plugins: <c>PluginLoader.CreateFromAssemblyFile</c>, <c>LoadDefaultAssembly</c>, <c>Dispose</c>) fits behind it;
/// see docs/adr/0002-plugin-loader.md.
/// </summary>
public interface IPluginLoader
{
    /// <summary>Loads an assembly. Runs none of its code.</summary>
    /// <param name="assemblyPath">Absolute path of the assembly.</param>
    /// <param name="isUnloadable">Whether it can be unloaded; costs its precompiled code.</param>
    /// <exception cref="BadImageFormatException">It is no assembly.</exception>
    /// <exception cref="IOException">It can not be read.</exception>
    IPluginCode Load(string assemblyPath, bool isUnloadable);
}
