using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;

namespace Plugvisor.Machine.Memory;

/// <summary>
/// One mapping of host memory and its slot: it lies somewhere in guest-physical space, or nowhere. It holds a reference to the mapping, given back only when the guest cannot reach it any
/// more. Members are called one at a time by the owner, except <see cref="Address"/>.
/// </summary>
public sealed class GuestMapping : IDisposable
{
    /// <summary>Bytes of a page.</summary>
    public const ulong PageSize = 4096;

    private readonly GuestMappings _all;
    private ulong _address;
    private Func<bool>? _mend;
    private bool _disposed;

    internal GuestMapping(GuestMappings all, string owner, uint slot, HostMapping mapping)
    {
        _all = all;
        Owner = owner;
        Slot = slot;
        Mapping = mapping with { Mend = null };   // code of the plugin, which may be replaced while the mapping stays
        _mend = mapping.Mend;
    }

    /// <summary>The device's id.</summary>
    public string Owner { get; }

    /// <summary>The kernel's number.</summary>
    public uint Slot { get; }

    /// <summary>What the guest sees.</summary>
    public HostMapping Mapping { get; }

    /// <summary>Whom to ask for pages that are lost (<see cref="HostMapping.Mend"/>). When the setter returns nobody is in the one before.</summary>
    public Func<bool>? Mend
    {
        get => Volatile.Read(ref _mend);
        set
        {
            Volatile.Write(ref _mend, value);
            _all.WaitForMending();
        }
    }

    /// <summary>First guest-physical address, or 0 when it lies nowhere. Any thread.</summary>
    public ulong Address => Volatile.Read(ref _address);

    /// <summary>Puts it at an address, which nothing else may have, in one step also when it lies elsewhere.</summary>
    /// <exception cref="HypervisorException">The kernel refuses; it lies where it was.</exception>
    public void MoveTo(ulong address)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_address == address) return;
        nint host = Mapping.Handle.DangerousGetHandle();
        _all.Vm.SetMemorySlot(new MemorySlot(Slot, address, Mapping.Length, host, Mapping.ReadOnly));
        Volatile.Write(ref _address, address);
    }

    /// <summary>Takes it away from the guest. When this returns nobody is in it.</summary>
    /// <exception cref="HypervisorException">The kernel refuses.</exception>
    public void Unmap()
    {
        if (_address == 0) return;
        _all.Vm.SetMemorySlot(new MemorySlot(Slot, _address, 0, 0));
        Volatile.Write(ref _address, 0);
    }

    /// <summary>Takes it away and lets go of slot and mapping. Where the kernel refuses, both stay taken.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            Unmap();
        }
        catch (HypervisorException)
        {
            return;   // the guest may still reach the pages: better a leak
        }

        _all.Forget(this);
        Mapping.Handle.DangerousRelease();
    }
}
