using Plugvisor.Hypervisor.Kvm.Cpu;
using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;

namespace Plugvisor.Hypervisor.Kvm;

/// <summary>A VM with LAPICs in the kernel and the IOAPIC outside. Any thread; see <see cref="IVm"/>.</summary>
internal sealed unsafe class KvmVm : IVm
{
    /// <summary>GSIs that the kernel leaves to the IOAPIC outside.</summary>
    private const uint IoapicPins = 24;

    // Three pages and one page that the kernel needs on Intel processors without unrestricted guest mode.
    private const uint TssAddress = 0xf800_0000;
    private const ulong IdentityMapAddress = 0xf800_3000;

    private readonly FileDescriptor _vm;
    private readonly Lazy<VcpuInitialization> _initialization;
    private readonly nuint _runSize;
    private readonly uint _addressHighMask;
    private volatile bool _ended;

    private KvmVm(FileDescriptor device, FileDescriptor vm, nuint runSize, bool longIds)
    {
        _vm = vm;
        _initialization = new Lazy<VcpuInitialization>(() => new VcpuInitialization(device));
        _runSize = runSize;
        // With 32-bit ids the kernel refuses a whole routing table over one message with these bits set, and the guest writes them.
        _addressHighMask = longIds ? 0xffff_ff00 : 0;
    }

    /// <summary>Makes the VM and, before there are vCPUs, what has to be decided before them.</summary>
    internal static KvmVm Create(FileDescriptor device)
    {
        KvmPermissions.RequestAmx();
        int size = KvmIoctl.Require(device.Value, KvmRequest.KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
        var vm = new FileDescriptor(KvmIoctl.Require(device.Value, KvmRequest.KVM_CREATE_VM, 0, "to create a VM (KVM_CREATE_VM)"));
        try
        {
            ulong identityMap = IdentityMapAddress;
            KvmIoctl.Require(vm.Value, KvmRequest.KVM_SET_IDENTITY_MAP_ADDR, &identityMap, "KVM_SET_IDENTITY_MAP_ADDR");
            KvmIoctl.Require(vm.Value, KvmRequest.KVM_SET_TSS_ADDR, TssAddress, "KVM_SET_TSS_ADDR");
            Enable(vm, KvmCapability.KVM_CAP_SPLIT_IRQCHIP, IoapicPins, "a split interrupt controller (KVM_CAP_SPLIT_IRQCHIP)");

            const ulong wanted = KvmCapability.KVM_X2APIC_API_USE_32BIT_IDS | KvmCapability.KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
            int offered = KvmIoctl.Call(device.Value, KvmRequest.KVM_CHECK_EXTENSION, KvmCapability.KVM_CAP_X2APIC_API);
            bool longIds = offered > 0 && ((ulong)offered & wanted) == wanted;
            if (longIds) Enable(vm, KvmCapability.KVM_CAP_X2APIC_API, wanted, "32-bit APIC ids (KVM_CAP_X2APIC_API)");
            return new KvmVm(device, vm, (nuint)size, longIds);
        }
        catch
        {
            vm.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public uint MemorySlotLimit
    {
        get
        {
            // Kernels before the capability had 32 (Documentation/virt/kvm/api.rst).
            int limit = KvmIoctl.Try(_vm.Value, KvmRequest.KVM_CHECK_EXTENSION, KvmCapability.KVM_CAP_NR_MEMSLOTS);
            return limit > 0 ? (uint)limit : 32;
        }
    }

    /// <inheritdoc/>
    public void SetMemorySlot(in MemorySlot slot)
    {
        var region = new KvmMemoryRegion
        {
            Slot = slot.Index,
            Flags = (slot.ReadOnly ? KvmMemoryRegion.KVM_MEM_READONLY : 0) | (slot.LogDirtyPages ? KvmMemoryRegion.KVM_MEM_LOG_DIRTY_PAGES : 0),
            GuestAddress = slot.GuestAddress,
            Size = slot.Length,
            HostAddress = (ulong)slot.HostAddress,
        };
        int result = KvmIoctl.Try(_vm.Value, KvmRequest.KVM_SET_USER_MEMORY_REGION, &region);
        if (result < 0) KvmIoctl.ThrowRefused($"memory slot {slot.Index} (0x{slot.Length:x} bytes at guest address 0x{slot.GuestAddress:x})", -result);
    }

    /// <inheritdoc/>
    public IVcpu CreateVcpu(uint id)
    {
        int fd = KvmIoctl.Try(_vm.Value, KvmRequest.KVM_CREATE_VCPU, id);
        if (fd < 0) KvmIoctl.ThrowRefused($"vCPU {id} (KVM_CREATE_VCPU)", -fd);
        return new KvmVcpu(_initialization, new FileDescriptor(fd), id, _runSize);
    }

    /// <inheritdoc/>
    public void AddDoorbell(ulong address, EventFd doorbell) => ChangeDoorbell(address, doorbell, 0);

    /// <inheritdoc/>
    public void RemoveDoorbell(ulong address, EventFd doorbell)
    {
        if (!_ended) ChangeDoorbell(address, doorbell, KvmIoEventFd.KVM_IOEVENTFD_FLAG_DEASSIGN);
    }

    /// <inheritdoc/>
    public void AddIrqFd(uint gsi, EventFd trigger) => ChangeIrqFd(gsi, trigger, 0);

    /// <inheritdoc/>
    public void RemoveIrqFd(uint gsi, EventFd trigger)
    {
        if (!_ended) ChangeIrqFd(gsi, trigger, KvmIrqFd.KVM_IRQFD_FLAG_DEASSIGN);
    }

    /// <inheritdoc/>
    public void EndGuest() => _ended = true;

    /// <inheritdoc/>
    public void SetMsiRoutes(ReadOnlySpan<MsiRoute> routes)
    {
        if (_ended) return;
        byte[] table = new byte[sizeof(KvmIrqRoutingHeader) + (routes.Length * sizeof(KvmIrqRoutingEntry))];
        // SAFETY: the array is fixed during the call and has room for the header and every entry.
        fixed (byte* start = table)
        {
            *(KvmIrqRoutingHeader*)start = new KvmIrqRoutingHeader { Count = (uint)routes.Length };
            KvmIrqRoutingEntry* entries = (KvmIrqRoutingEntry*)(start + sizeof(KvmIrqRoutingHeader));
            for (int i = 0; i < routes.Length; i++)
            {
                ref readonly MsiRoute route = ref routes[i];
                entries[i] = new KvmIrqRoutingEntry
                {
                    Gsi = route.Gsi,
                    Type = KvmIrqRoutingEntry.KVM_IRQ_ROUTING_MSI,
                    AddressLow = (uint)route.Address,
                    AddressHigh = (uint)(route.Address >> 32) & _addressHighMask,
                    Data = route.Data,
                };
            }

            KvmIoctl.Require(_vm.Value, KvmRequest.KVM_SET_GSI_ROUTING, start, "the interrupt routing table (KVM_SET_GSI_ROUTING)");
        }
    }

    /// <inheritdoc/>
    public void SignalMsi(ulong address, uint data)
    {
        KvmMsi message = default;
        message.AddressLow = (uint)address;
        message.AddressHigh = (uint)(address >> 32) & _addressHighMask;
        message.Data = data;
        // A message that no LAPIC takes is dropped, as on a real bus: address and data are the guest's.
        _ = KvmIoctl.Try(_vm.Value, KvmRequest.KVM_SIGNAL_MSI, &message);
    }

    /// <inheritdoc/>
    public void Dispose() => _vm.Dispose();

    private static void Enable(FileDescriptor vm, uint capability, ulong argument, string what)
    {
        var request = new KvmEnableCap { Capability = capability, Argument0 = argument };
        KvmIoctl.Require(vm.Value, KvmRequest.KVM_ENABLE_CAP, &request, what);
    }

    private void ChangeDoorbell(ulong address, EventFd doorbell, uint flags)
    {
        var request = new KvmIoEventFd { Address = address, Descriptor = doorbell.Descriptor, Flags = flags };
        int result = KvmIoctl.Try(_vm.Value, KvmRequest.KVM_IOEVENTFD, &request);
        if (result < 0) KvmIoctl.ThrowRefused($"a doorbell at 0x{address:x} (KVM_IOEVENTFD)", -result);
    }

    private void ChangeIrqFd(uint gsi, EventFd trigger, uint flags)
    {
        var request = new KvmIrqFd { Descriptor = (uint)trigger.Descriptor, Gsi = gsi, Flags = flags };
        int result = KvmIoctl.Try(_vm.Value, KvmRequest.KVM_IRQFD, &request);
        if (result < 0) KvmIoctl.ThrowRefused($"an interrupt trigger for GSI {gsi} (KVM_IRQFD)", -result);
    }
}
