using System.Diagnostics.CodeAnalysis;
using Plugvisor.Linux.Threads;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// Runs the calls of plugins that the control loop waits for (making a device, checking its configuration, reading computed counters). A call that does
/// not return in time costs this thread and nothing else: it is left behind, and the next call gets a new one. Used by the control loop; the thread is made
/// with the first call.
/// </summary>
public sealed class PluginThread : IDisposable
{
    /// <summary>How long a call may take. Opening a file on a slow network drive does; what takes longer keeps every client of the API waiting.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(50);

    private readonly TimeSpan _deadline;
    private TimeSpan _last;
    private volatile Worker? _worker;
    private volatile bool _abandoned;

    /// <summary>A thread that is not started yet.</summary>
    /// <param name="deadline">How long a call may take; null for <see cref="DefaultDeadline"/>.</param>
    public PluginThread(TimeSpan? deadline = null) => _last = _deadline = deadline ?? DefaultDeadline;

    /// <summary>Runs a call and waits for it.</summary>
    /// <param name="body">The call.</param>
    /// <param name="late">Runs on the thread that was left behind, when the call does return after all: gives back what it made. Null for nothing.</param>
    /// <param name="thrown">What the call threw, or null.</param>
    /// <param name="patience">How much longer than others it may take.</param>
    /// <returns>False when the call did not return in time.</returns>
    public bool TryRun(Action body, Action? late, out Exception? thrown, TimeSpan patience = default)
    {
        Worker worker = _worker ??= new Worker();
        _last = _deadline + patience;
        Interlocked.MemoryBarrier();   // who abandons sees the thread, or this sees that it was abandoned
        if (_abandoned) worker.Abandon();
        if (worker.TryRun(body, late, _last, s_spin, out thrown)) return true;
        _worker = null;
        return false;
    }

    /// <summary>"did not return within 20 s", of the last call, for messages.</summary>
    public string Overdue => _abandoned ? "did not return before the VMM was told to end" : $"did not return within {_last.TotalSeconds:0.##} s";

    /// <summary>The process is to end: nothing is waited for any more, and nothing begun. Any thread.</summary>
    public void Abandon()
    {
        _abandoned = true;
        Interlocked.MemoryBarrier();
        _worker?.Abandon();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _worker?.End();
        _worker = null;
    }

    private sealed class Worker
    {
        private const int Running = 0, Returned = 1, LeftBehind = 2;

        private readonly WaitFlag _asked = new(), _answered = new();
        private Action? _body, _late;
        private Exception? _thrown;
        private int _state;
        private bool _ending;
        private volatile bool _abandoned;

        public Worker()
        {
            var thread = new Thread(Run, maxStackSize: 1 << 20) { Name = "plugins", IsBackground = true };
            thread.UnsafeStart();   // no AsyncLocal of the caller: it could keep an unloaded plugin alive
        }

        public bool TryRun(Action body, Action? late, TimeSpan deadline, TimeSpan spin, out Exception? thrown)
        {
            _body = body;
            _late = late;
            _state = Running;
            _answered.Reset();
            Interlocked.MemoryBarrier();
            if (_abandoned)
            {
                thrown = null;
                return false;
            }

            _asked.Set();
            _answered.TryWait(deadline, spin);   // or until it is abandoned
            bool returned = Interlocked.CompareExchange(ref _state, LeftBehind, Running) == Returned;
            thrown = returned ? _thrown : null;
            if (returned) _thrown = null;
            return returned;
        }

        public void Abandon()
        {
            _abandoned = true;
            Interlocked.MemoryBarrier();
            _answered.Set();
        }

        public void End()
        {
            _ending = true;
            _asked.Set();
        }

        private void Run()
        {
            while (true)
            {
                _asked.TryWait(Timeout.InfiniteTimeSpan, s_spin);
                _asked.Reset();
                if (_ending) return;
                if (!RunOne()) return;
                _answered.Set();
            }
        }

        /// <summary>A frame of its own, so that nothing of the plugin stays on the stack of a thread that waits.</summary>
        /// <returns>False when nobody waits for the answer any more.</returns>
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws is the answer")]
        private bool RunOne()
        {
            Action body = _body!;
            Action? late = _late;
            _body = _late = null;
            try
            {
                body();
            }
            catch (Exception e)
            {
                _thrown = e;
            }

            if (Interlocked.CompareExchange(ref _state, Returned, Running) == Running) return true;
            try
            {
                late?.Invoke();
            }
            catch (Exception)
            {
                // The call was reported as lost; there is nobody to tell more.
            }

            return false;
        }
    }
}
