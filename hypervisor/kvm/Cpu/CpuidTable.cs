using Plugvisor.Hypervisor.Kvm.Native;

namespace Plugvisor.Hypervisor.Kvm.Cpu;

/// <summary>The CPUID leaves of one vCPU while they are put together. Not thread-safe.</summary>
internal sealed class CpuidTable
{
    /// <summary>Most entries; KVM reports about 80.</summary>
    public const int Capacity = 256;

    // Arrays and loops, no spans: spans of our own structs would be compiled at run time, when the VM starts.
    private readonly KvmCpuidEntry[] _entries = new KvmCpuidEntry[Capacity];

    /// <summary>A copy of what KVM supports, to be changed.</summary>
    public CpuidTable(KvmCpuidEntry[] supported)
    {
        Array.Copy(supported, _entries, supported.Length);
        Count = supported.Length;
    }

    /// <summary>Entries in use.</summary>
    public int Count { get; private set; }

    /// <summary>The entries; the first <see cref="Count"/> are in use.</summary>
    public KvmCpuidEntry[] Entries => _entries;

    /// <summary>Highest basic leaf.</summary>
    public uint MaxBasic => Has(0) ? Leaf(0).Eax : 0;

    /// <summary>Highest extended leaf, 0 when there are none.</summary>
    public uint MaxExtended => Has(0x8000_0000) ? Leaf(0x8000_0000).Eax : 0;

    /// <summary>Whether the processor follows AMD's manual (AMD and Hygon) rather than Intel's.</summary>
    public bool IsAmd
    {
        get
        {
            const uint auth = 0x6874_7541, hygo = 0x6f67_7948;   // "AuthenticAMD", "HygonGenuine"
            return Has(0) && Leaf(0).Ebx is auth or hygo;
        }
    }

    /// <summary>Whether the leaf is there.</summary>
    public bool Has(uint function, uint index = 0) => Find(function, index) >= 0;

    /// <summary>The leaf, made of zeros when it was not there.</summary>
    /// <param name="function">EAX.</param>
    /// <param name="index">ECX, for leaves that have sub-leaves.</param>
    /// <param name="indexed">Whether the leaf has sub-leaves.</param>
    public ref KvmCpuidEntry Leaf(uint function, uint index = 0, bool indexed = false)
    {
        int at = Find(function, index);
        if (at < 0)
        {
            if (Count == _entries.Length) throw new HypervisorException($"KVM reports more than {Capacity - 1} CPUID leaves");
            at = Count++;
            _entries[at] = new KvmCpuidEntry
            {
                Function = function,
                Index = index,
                Flags = indexed ? KvmCpuidEntry.KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            };
        }

        return ref _entries[at];
    }

    /// <summary>Takes a leaf away with all its sub-leaves; the guest reads zeros.</summary>
    public void Remove(uint function)
    {
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_entries[i].Function != function) _entries[kept++] = _entries[i];
        }

        Count = kept;
    }

    /// <summary>Changes each sub-leaf of a leaf.</summary>
    public void ForEach(uint function, CpuidChange change)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_entries[i].Function == function) change(ref _entries[i]);
        }
    }

    private int Find(uint function, uint index)
    {
        for (int i = 0; i < Count; i++)
        {
            ref KvmCpuidEntry entry = ref _entries[i];
            if (entry.Function != function) continue;
            if (entry.Index == index || (entry.Flags & KvmCpuidEntry.KVM_CPUID_FLAG_SIGNIFCANT_INDEX) == 0) return i;
        }

        return -1;
    }

    /// <summary>Changes one entry in place.</summary>
    internal delegate void CpuidChange(ref KvmCpuidEntry entry);
}
