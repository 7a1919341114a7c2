using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Testing.Memory;

namespace Plugvisor.Testing.Devices;

/// <summary>The world as a test wants it. Keeps all that the device does with it. Any thread.</summary>
/// <param name="ram">Guest RAM.</param>
/// <param name="clock">The clock, or null for the system's.</param>
public sealed class MockDeviceHost(GuestMemoryMock ram, TimeProvider? clock = null) : IDeviceHost
{
    /// <summary>As the host's, so that a device that needs more is found out here.</summary>
    private const int StackSize = 256 * 1024;

    private readonly ConcurrentDictionary<Type, object> _services = new();

    /// <inheritdoc/>
    public GuestMemory Memory => ram.Memory;

    /// <summary>The mock behind <see cref="Memory"/>.</summary>
    public GuestMemoryMock Ram => ram;

    /// <inheritdoc/>
    public IDeviceLog Log => MockLog;

    /// <summary>The log, to look at.</summary>
    public MockDeviceLog MockLog { get; } = new();

    /// <inheritdoc/>
    public IDeviceCounters Counters => MockCounters;

    /// <summary>The counters, to look at.</summary>
    public MockDeviceCounters MockCounters { get; } = new();

    /// <inheritdoc/>
    public TimeProvider Clock { get; } = clock ?? TimeProvider.System;

    /// <summary>Every thread that the device has started.</summary>
    public ConcurrentQueue<Thread> Threads { get; } = new();

    /// <summary>The reasons the device gave for failing, and exceptions that left its threads.</summary>
    public ConcurrentQueue<string> Failures { get; } = new();

    /// <summary>Offers a service; without it <see cref="Service{T}"/> answers null.</summary>
    public void Offer<T>(T service) where T : class => _services[typeof(T)] = service;

    /// <inheritdoc/>
    [SuppressMessage("Design", "CA1031", Justification = "As in the host: what a device throws ends that device only")]
    public Thread StartThread(string name, Action body)
    {
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception exception)
            {
                Fail($"thread {name}: {exception}");
            }
        }, maxStackSize: StackSize)
        {
            Name = name,
            IsBackground = true,
        };
        Threads.Enqueue(thread);
        thread.Start();
        return thread;
    }

    /// <inheritdoc/>
    public void Fail(string reason) => Failures.Enqueue(reason);

    /// <inheritdoc/>
    public T? Service<T>() where T : class => _services.TryGetValue(typeof(T), out object? service) ? (T)service : null;
}
