using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;

namespace Plugvisor.Testing.Devices;

/// <summary>Guest-physical space for memory of devices, without a guest. Offer it with <see cref="MockDeviceHost.Offer"/>. Any thread.</summary>
public sealed class MockDeviceMemory : IDeviceMemory
{
    private readonly ConcurrentDictionary<ulong, int> _users = new();
    private long _next = 1L << 40;

    /// <summary>What is placed now, by address.</summary>
    public ConcurrentDictionary<ulong, HostMapping> Placed { get; } = new();

    /// <summary>When set, the next placing fails with this text.</summary>
    public string? Refusal { get; set; }

    /// <inheritdoc/>
    public IDeviceMemoryRange Place(string owner, HostMapping mapping, ulong alignment, ulong? address = null)
    {
        if (Refusal is { } refusal) throw new DeviceException(refusal);
        ulong length = (mapping.Length + (alignment - 1)) & ~(alignment - 1);
        ulong at = address ?? ((ulong)Interlocked.Add(ref _next, (long)(length + alignment)) - length) & ~(alignment - 1);
        if (!Placed.TryAdd(at, mapping)) throw new DeviceException($"device {owner}: guest address 0x{at:x} is taken");
        bool counted = false;
        mapping.Handle.DangerousAddRef(ref counted);
        _users[at] = 1;
        return new Range(this, at, mapping);
    }

    /// <inheritdoc/>
    public IDeviceMemoryRange Continue(string owner, ulong address, Func<bool>? mend, out SafeHandle mapping)
    {
        if (!Placed.TryGetValue(address, out HostMapping? there)) throw new DeviceException($"device {owner} has no memory at guest address 0x{address:x} to go on with");
        Placed[address] = there with { Mend = mend };
        _users.AddOrUpdate(address, 1, static (_, users) => users + 1);
        mapping = there.Handle;
        return new Range(this, address, there);
    }

    private sealed class Range(MockDeviceMemory memory, ulong address, HostMapping mapping) : IDeviceMemoryRange
    {
        private int _disposed;

        public ulong Address => address;

        public ulong Length => mapping.Length;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0 || memory._users.AddOrUpdate(address, 0, static (_, users) => users - 1) > 0) return;
            memory.Placed.TryRemove(address, out _);
            mapping.Handle.DangerousRelease();
        }
    }
}
