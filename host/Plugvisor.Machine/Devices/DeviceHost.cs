using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Plugins.Loading;

namespace Plugvisor.Machine.Devices;

/// <summary>The world that the host hands to one device.</summary>
public sealed class DeviceHost(string id, GuestMemory memory, DeviceLog log, TimeProvider clock, DeviceServices services) : IDeviceHost
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    private Action<string>? _onFail;
    private string? _failure;

    /// <inheritdoc/>
    public GuestMemory Memory => memory;

    /// <inheritdoc/>
    public IDeviceLog Log => log;

    /// <inheritdoc/>
    public IDeviceCounters Counters => DeviceCounters;

    /// <summary>What the device counted, for the host.</summary>
    public DeviceCounters DeviceCounters { get; } = new();

    /// <summary>The device's threads, for the host.</summary>
    public DeviceThreads Threads { get; } = new();

    /// <inheritdoc/>
    public TimeProvider Clock => clock;

    /// <summary>Why the device failed first, or null. Host only.</summary>
    internal string? Failure => Volatile.Read(ref _failure);

    /// <inheritdoc/>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws on its thread ends that device only")]
    public Thread StartThread(string name, Action body)
    {
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception e)
            {
                Fail($"its thread {name} threw {e.GetType().Name}: {e.Message}");
                log.Debug(e.ToString());
            }
            finally
            {
                Threads.Remove(name);
            }
        }, maxStackSize: 256 * 1024)
        {
            Name = name,
            IsBackground = true,
        };
        Threads.Add(name);
        try
        {
            thread.Start();
        }
        catch
        {
            Threads.Remove(name);
            throw;
        }

        return thread;
    }

    /// <summary>Host only, after the device was disposed: the names of its threads that still run after a second, or null when there is none.</summary>
    public string? FindLeakedThreads() =>
        SpinWait.SpinUntil(() => Threads.Count == 0, s_grace) ? null : string.Join(", ", Threads.Names);

    /// <inheritdoc/>
    public void Fail(string reason)
    {
        // Noted before the handler is looked for, so that one of the two sides sees the other. The handler may be called twice: a latch does not mind.
        bool first = Interlocked.CompareExchange(ref _failure, reason, null) is null;
        if (Volatile.Read(ref _onFail) is { } onFail) onFail(reason);
        else if (first) log.Warn($"device {id} failed: {reason}");
    }

    /// <summary>Host only: what to do when the device fails. A failure that came earlier is reported at once.</summary>
    public void OnFail(Action<string> handler)
    {
        Volatile.Write(ref _onFail, handler);
        if (Volatile.Read(ref _failure) is { } earlier) handler(earlier);
    }

    /// <inheritdoc/>
    public T? Service<T>() where T : class => services.Find<T>();
}
