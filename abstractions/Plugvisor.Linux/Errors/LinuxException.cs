using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Errors;

/// <summary>A system call failed. The message names the operation, the object and the reason in words.</summary>
public sealed class LinuxException : IOException
{
    /// <summary>The failed call and its errno.</summary>
    /// <param name="operation">What was attempted on what, such as <c>open /dev/kvm</c>.</param>
    /// <param name="errno">A positive errno value.</param>
    public LinuxException(string operation, int errno)
        : base($"{operation}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})") => Errno = errno;

    /// <summary>The errno value.</summary>
    public int Errno { get; }
}
