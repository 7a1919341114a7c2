using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Plugvisor.Plugins.Loading;

/// <summary>
/// Looks in the places of the framework where a forgotten timer or event handler keeps a plugin's code: to tell its author, once it is known that something
/// does. They are private to the framework, so another version of it may hide them; then the answer is shorter.
/// </summary>
internal static class FrameworkRoots
{
    private const BindingFlags Own = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;
    private const int MaxTimers = 10_000;

    /// <summary>What was found; each is a part of a sentence.</summary>
    /// <param name="context">The plugin's load context.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static IReadOnlyList<string> Find(AssemblyLoadContext context)
    {
        var found = new List<string>();
        FindHandlers(typeof(AppDomain), AppDomain.CurrentDomain, context, found);
        FindHandlers(typeof(AppContext), null, context, found);
        FindHandlers(typeof(AssemblyLoadContext), AssemblyLoadContext.Default, context, found);
        FindHandlers(typeof(TaskScheduler), null, context, found);
        FindHandlers(typeof(Console), null, context, found);
        FindTimers(context, found);
        return found;
    }

    private static void FindHandlers(Type type, object? instance, AssemblyLoadContext context, List<string> found)
    {
        foreach (FieldInfo field in type.GetFields(Own))
        {
            if (!typeof(Delegate).IsAssignableFrom(field.FieldType) || (!field.IsStatic && instance is null)) continue;
            if (field.GetValue(field.IsStatic ? null : instance) is not Delegate handlers) continue;
            foreach (Delegate handler in handlers.GetInvocationList())
            {
                if (IsOf(handler, context)) found.Add($"{NameOf(handler)} is a handler on {type.Name}.{field.Name.TrimStart('_')}");
            }
        }
    }

    private static void FindTimers(AssemblyLoadContext context, List<string> found)
    {
        Type? queues = typeof(Timer).Assembly.GetType("System.Threading.TimerQueue"), timers = typeof(Timer).Assembly.GetType("System.Threading.TimerQueueTimer");
        FieldInfo? next = timers?.GetField("_next", Own), callback = timers?.GetField("_timerCallback", Own);
        if (queues?.GetProperty("Instances", Own)?.GetValue(null) is not Array instances || next is null || callback is null) return;
        foreach (object? queue in instances)
        {
            foreach (string list in new[] { "_shortTimers", "_longTimers" })
            {
                // Not locked: the list may change under us, so the walk is bounded and what it says is a hint.
                object? timer = queues.GetField(list, Own)?.GetValue(queue);
                for (int i = 0; timer is not null && i < MaxTimers; i++, timer = next.GetValue(timer))
                {
                    if (callback.GetValue(timer) is Delegate handler && IsOf(handler, context)) found.Add($"{NameOf(handler)} is called by a timer");
                }
            }
        }
    }

    private static bool IsOf(Delegate handler, AssemblyLoadContext context) =>
        AssemblyLoadContext.GetLoadContext(handler.Method.Module.Assembly) == context
        || (handler.Target is { } target && AssemblyLoadContext.GetLoadContext(target.GetType().Assembly) == context);

    private static string NameOf(Delegate handler) => $"{handler.Method.DeclaringType?.FullName}.{handler.Method.Name}";
}
