using Plugvisor.Hypervisor;

namespace Plugvisor.Machine.Interrupts;

/// <summary>
/// Owns the VM's GSI table: 24 IOAPIC pins, then one GSI for each MSI-X vector that is in use. Changes are collected and
/// written to the kernel as one table by <see cref="Commit"/>. Any thread.
/// </summary>
public sealed class MsiRouter(IVm vm)
{
    /// <summary>GSIs below this are IOAPIC pins.</summary>
    public const uint IoapicPins = 24;

    private const int MaxGsis = 4096;   // KVM_MAX_IRQ_ROUTES (Linux include/linux/kvm_host.h)

    private readonly Lock _change = new();
    private MsiRoute?[] _routes = new MsiRoute?[64];
    private bool[] _taken = new bool[64];
    private bool _dirty;

    /// <summary>Takes a free GSI for a vector.</summary>
    /// <returns>False when the kernel's table is full.</returns>
    public bool TryAllocate(out uint gsi)
    {
        lock (_change)
        {
            for (int i = (int)IoapicPins; i < MaxGsis; i++)
            {
                if (i == _taken.Length)
                {
                    Array.Resize(ref _taken, i * 2);
                    Array.Resize(ref _routes, i * 2);
                }

                if (_taken[i]) continue;
                _taken[i] = true;
                gsi = (uint)i;
                return true;
            }
        }

        gsi = 0;
        return false;
    }

    /// <summary>Gives a GSI back and drops its route.</summary>
    public void Free(uint gsi)
    {
        lock (_change)
        {
            _taken[gsi] = false;
            _dirty |= _routes[gsi] is not null;
            _routes[gsi] = null;
        }
    }

    /// <summary>Routes a GSI to a message. Takes effect with the next <see cref="Commit"/>.</summary>
    public void Set(uint gsi, ulong address, uint data)
    {
        lock (_change)
        {
            var route = new MsiRoute(gsi, address, data);
            if (_routes[gsi] == route) return;
            _routes[gsi] = route;
            _dirty = true;
        }
    }

    /// <summary>Takes a GSI's route away (a masked IOAPIC pin). Takes effect with the next <see cref="Commit"/>.</summary>
    public void Clear(uint gsi)
    {
        lock (_change)
        {
            _dirty |= _routes[gsi] is not null;
            _routes[gsi] = null;
        }
    }

    /// <summary>Writes the table to the kernel when something changed.</summary>
    public void Commit()
    {
        lock (_change)
        {
            if (!_dirty) return;
            var table = new List<MsiRoute>(_routes.Length);
            foreach (MsiRoute? route in _routes)
            {
                if (route is { } r) table.Add(r);
            }

            vm.SetMsiRoutes(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(table));
            _dirty = false;
        }
    }
}
