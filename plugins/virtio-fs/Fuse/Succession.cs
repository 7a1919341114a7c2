using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>Descriptors on their way from one instance to the next.</summary>
internal static class Succession
{
    /// <summary>A descriptor that stays its table's.</summary>
    public static SafeHandle Lend(int descriptor) => new SafeFileHandle(descriptor, ownsHandle: false);

    /// <summary>Another descriptor of the same open file, which is the caller's.</summary>
    /// <exception cref="LinuxException">There is none left.</exception>
    public static int Duplicate(SafeHandle handle)
    {
        int copy = TreeCalls.Duplicate((int)handle.DangerousGetHandle());
        return copy >= 0 ? copy : throw new LinuxException("duplicate a descriptor", -copy);
    }

    /// <summary>The same for the next one of a list, for which the budget is asked.</summary>
    /// <exception cref="InvalidDataException">There is no next one.</exception>
    /// <exception cref="LinuxException">There is none left.</exception>
    public static int Take(IReadOnlyList<SafeHandle> handles, ref int next, DescriptorBudget budget)
    {
        if (next >= handles.Count) throw new InvalidDataException("a file without its descriptor");
        if (!budget.TryTake()) throw new LinuxException("go on with open files", FuseSpec.ENFILE);
        try
        {
            return Duplicate(handles[next++]);
        }
        catch (LinuxException)
        {
            budget.Return();
            throw;
        }
    }
}
