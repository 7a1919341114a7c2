using System.Diagnostics.CodeAnalysis;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// A call of a plugin that may take its time, and may never return: it runs on a thread of its own, so that only this thread is lost then.
/// </summary>
internal static class BoundedCall
{
    /// <summary>Runs it and waits.</summary>
    /// <param name="name">What is called, for the thread's name and the message.</param>
    /// <param name="body">The call.</param>
    /// <param name="deadline">How long to wait.</param>
    /// <param name="error">What went wrong, or null.</param>
    /// <returns>Whether the call returned, be it with an exception.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    public static bool Run(string name, Action body, TimeSpan deadline, out string? error)
    {
        string? thrown = null;
        // Not disposed: a call that comes back late still sets it.
        var done = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception e)
            {
                thrown = $"{name} threw {e.GetType().Name}: {e.Message}";
            }

            done.Set();
        }, maxStackSize: 256 * 1024)
        {
            Name = name,
            IsBackground = true,
        };
        thread.Start();
        bool returned = done.Wait(deadline);
        error = returned ? thrown : $"{name} did not return within {deadline.TotalSeconds:0.##} s";
        return returned;
    }
}
