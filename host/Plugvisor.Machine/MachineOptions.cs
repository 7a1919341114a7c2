using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Boot;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Vcpus;
using Plugvisor.Machine.Smbios;

namespace Plugvisor.Machine;

/// <summary>What a machine is made of, apart from its plugged devices. Checked by whoever fills it; immutable.</summary>
public sealed record MachineOptions
{
    /// <summary>vCPUs that run from the start.</summary>
    public uint BootVcpus { get; init; } = 1;

    /// <summary>vCPUs that there can ever be.</summary>
    public uint MaxVcpus { get; init; } = 1;

    /// <summary>Their arrangement, or null for one package each.</summary>
    public CpuTopology? Topology { get; init; }

    /// <summary>Upper bound of the width of guest-physical addresses; the host's own is the other one.</summary>
    public byte MaxPhysicalAddressBits { get; init; } = 46;

    /// <summary>Whether the guest sees VMX or SVM.</summary>
    public bool NestedVirtualization { get; init; } = true;

    /// <summary>Whether the guest sees AMX tiles.</summary>
    public bool Amx { get; init; }

    /// <summary>Host CPUs for the threads of some vCPUs.</summary>
    public IReadOnlyDictionary<int, int[]> Affinity { get; init; } = new Dictionary<int, int[]>();

    /// <summary>Which vCPU threads may share a core.</summary>
    public CoreSharing CoreSharing { get; init; }

    /// <summary>Bytes of RAM at boot.</summary>
    public ulong MemorySize { get; init; } = 512 << 20;

    /// <summary>Bytes of RAM that can be added later; 0 for none.</summary>
    public ulong HotplugSize { get; init; }

    /// <summary>Whether that goes through ACPI.</summary>
    public bool AcpiMemoryHotplug { get; init; } = true;

    /// <summary>How RAM is backed.</summary>
    public GuestRamOptions Ram { get; init; } = new();

    /// <summary>What SMBIOS says of the machine.</summary>
    public SmbiosOptions Smbios { get; init; } = new();

    /// <summary>What the guest boots.</summary>
    public Payload Payload { get; init; } = new();

    /// <summary>Port of the debug console when there is one.</summary>
    public ushort? DebugConsolePort { get; init; }
}
