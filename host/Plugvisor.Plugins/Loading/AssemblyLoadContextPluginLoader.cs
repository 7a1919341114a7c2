using System.Reflection;

namespace Plugvisor.Plugins.Loading;

/// <summary>One <see cref="System.Runtime.Loader.AssemblyLoadContext"/> a plugin. Isolates versions of libraries; it is no wall against hostile code.</summary>
public sealed class AssemblyLoadContextPluginLoader : IPluginLoader
{
    /// <inheritdoc/>
    public IPluginCode Load(string assemblyPath, bool isUnloadable)
    {
        var context = new PluginLoadContext(assemblyPath, isUnloadable);
        try
        {
            return new Code(context, context.Read(assemblyPath));
        }
        catch when (isUnloadable)
        {
            context.Unload();
            throw;
        }
    }

    private sealed class Code(PluginLoadContext context, Assembly assembly) : IPluginCode
    {
        private PluginLoadContext? _context = context;
        private Assembly? _assembly = assembly;

        public Assembly Assembly => _assembly ?? throw new ObjectDisposedException(nameof(IPluginCode));

        public bool IsUnloadable { get; } = context.IsCollectible;

        public WeakReference Life { get; } = new(context, trackResurrection: true);

        public void Dispose()
        {
            var context = _context;
            _context = null;
            _assembly = null;
            if (context is not null && IsUnloadable) context.Unload();
        }
    }
}
