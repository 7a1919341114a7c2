using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.IoUring;

/// <summary>Says in words why io_uring cannot be used here.</summary>
public static class IoUringSupport
{
    private const string Switch = "/proc/sys/kernel/io_uring_disabled";
    private const int EPERM = 1;
    private const int ENOMEM = 12;
    private const int ENOSYS = 38;
    private const int EINVAL = 22;

    /// <summary>The likely reason why a ring could not be made, and the fix where there is one.</summary>
    /// <param name="failure">What <see cref="IoUringRing.Create"/> threw.</param>
    public static string Explain(LinuxException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure.Errno switch
        {
            ENOSYS => "the kernel is built without io_uring, or a seccomp filter hides it",
            EPERM when Setting() is "1" or "2" => $"{Switch} is {Setting()}; set it to 0 to allow io_uring",
            EPERM => "a seccomp filter or security module forbids io_uring",
            ENOMEM => "the locked-memory limit (ulimit -l) or memory is too small for a ring",
            EINVAL => "the kernel's io_uring is older than Linux 5.13",
            _ => failure.Message,
        };
    }

    private static string? Setting()
    {
        try
        {
            return File.ReadAllText(Switch).Trim();
        }
        catch (IOException)
        {
            return null;   // kernels before 6.6 have no such switch
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
