using System.Diagnostics;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Runtime.Loader;
using Microsoft.Extensions.Logging;
using Plugvisor.Control;

namespace Plugvisor.Cli.Plugins;

/// <summary>
/// Exceptions that leave a thread which a plugin started by itself, a timer of it or a finalizer would end the process. Those that a plugin's code threw end
/// that thread and latch the plugin's devices instead; all others still end the process.
/// </summary>
internal static class StrayExceptions
{
    /// <summary>From now on. Once a process.</summary>
    /// <param name="loop">Where the machine's devices are known.</param>
    /// <param name="logs">For the report.</param>
    public static void Guard(ControlLoop loop, ILoggerFactory logs) =>
        ExceptionHandling.SetUnhandledExceptionHandler(error => IsHandled(error, loop, logs));

    private static bool IsHandled(Exception error, ControlLoop loop, ILoggerFactory logs)
    {
        AssemblyLoadContext? plugin = null;
        for (Exception? link = error; link is not null && plugin is null; link = link.InnerException) plugin = FindPlugin(link);
        if (plugin is null) return false;
        string what = $"an exception left its own thread {Thread.CurrentThread.Name ?? "without a name"}: {error.GetType().Name}: {error.Message}";
        ILogger log = logs.CreateLogger(plugin.Name ?? "plugin");
        log.LogError("plugin {Plugin}: {What}; that thread is over", plugin.Name, what);
        log.LogDebug(error, "plugin {Plugin}", plugin.Name);
        try
        {
            loop.Post(
                VmmCommandKind.Ping, vmm => vmm.BlamePlugin(device => AssemblyLoadContext.GetLoadContext(device.GetType().Assembly) == plugin, what),
                static _ => { });
        }
        catch (VmmException)
        {
            // The VMM ends, or is asked too much at this moment; the log has it.
        }

        return true;
    }

    private static AssemblyLoadContext? FindPlugin(Exception error)
    {
        foreach (StackFrame frame in new StackTrace(error).GetFrames())
        {
            if (frame.GetMethod() is not MethodBase method) continue;
            AssemblyLoadContext? context = AssemblyLoadContext.GetLoadContext(method.Module.Assembly);
            if (context is not null && context != AssemblyLoadContext.Default) return context;
        }

        return null;
    }
}
