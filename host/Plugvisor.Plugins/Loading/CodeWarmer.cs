using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Plugvisor.Plugins.Loading;

/// <summary>
/// Compiles a plugin's code ahead of its use. Code that can be unloaded has no precompiled form, and is otherwise compiled method by method when it is first called: while a
/// guest waits, when it takes over a device.
/// </summary>
internal static class CodeWarmer
{
    private const BindingFlags Declared =
        BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Compiles what can be compiled; runs none of it. What cannot be is left to fail where it is called.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "A method that cannot be compiled fails where it is used, in words of its own")]
    public static void Warm(Assembly assembly)
    {
        foreach (Type type in TypesOf(assembly))
        {
            if (type.ContainsGenericParameters || type.IsInterface) continue;
            foreach (MethodBase method in MethodsOf(type))
            {
                if (method.IsAbstract || method.ContainsGenericParameters) continue;
                try
                {
                    RuntimeHelpers.PrepareMethod(method.MethodHandle);
                }
                catch (Exception)
                {
                }
            }
        }
    }

    [SuppressMessage("Trimming", "IL2026", Justification = "A plugin is no part of what could be trimmed")]
    private static IEnumerable<Type> TypesOf(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException e)
        {
            return e.Types.OfType<Type>();
        }
    }

    [SuppressMessage("Trimming", "IL2070", Justification = "A plugin is no part of what could be trimmed")]
    private static IEnumerable<MethodBase> MethodsOf(Type type) => [.. type.GetConstructors(Declared), .. type.GetMethods(Declared)];
}
