// Polls the PCI hot-plug controller as the DSDT's methods do: a disk that comes is opened and its first sector read, one that is to go is reset
// and its slot ejected. Ends after `ejects` of them (1; 0 never).
// Options: ejects=, keep=1 (never ejects), quiet=1 (says only what fails and how many came and went), secs=T (60).
#include "lib/blk.h"

enum { INSERTED = 0, REMOVED = 4, EJECT = 8, SEGMENT = 12 };

static struct blk disks[32];

// In ring 3 a KVM without hardware help lets the host's own CPUID through.
static u64 address_bits(u64 leaf)
{
    u32 r[4];
    cpuid(leaf, 0, r);
    return r[0] & 0xff;
}

// The platform's registers end 64 KiB below the end of the address space; the topmost page is the controller's.
static u64 controller(void)
{
    return (u64)map_device((1ul << ring0_call(address_bits, 0x80000008)) - 0x10000 - PAGE, 16);
}

static bool open_slot(u8 slot)
{
    for (u32 nth = 0; nth < 32; nth++) {
        struct virtio v;
        if (!virtio_find(&v, 2, nth))
            return false;
        if (v.pci.slot != slot)
            continue;
        if (!disks[slot].buffers)
            return blk_open(&disks[slot], nth, 1, 512);
        disks[slot].device = v;                 // the memory of the one before: ours does not grow
        return blk_reopen(&disks[slot]);
    }
    return false;
}

// What a driver that was not told would do: registers, doorbells and configuration of a device that is gone.
static void use_old_bar(u8 slot)
{
    struct virtio *v = &disks[slot].device;
    // The slot is empty at once; the registers go when the host has taken the device out.
    for (u64 start = tsc(); read8(v->common + COMMON_STATUS) != 0xff && milliseconds_since(start) < 20000;)
        queue_ring(&disks[slot].queue);
    for (int i = 0; i < 1000; i++) {
        write8(v->common + COMMON_STATUS, 0);
        queue_ring(&disks[slot].queue);
    }
    print("hotplug slot %u old bar status %x config %x isr %x id %x\n", slot, read8(v->common + COMMON_STATUS), read32(v->config),
          read8(v->isr), pci_read32(&v->pci, 0));
}

void main(void)
{
    traps_on();
    u64 registers = controller(), ejects = option_number("ejects", 1), limit = option_number("secs", 60) * 1000, start = tsc();
    bool quiet = option_number("quiet", 0), stale = option_number("stale", 0), keep = option_number("keep", 0);
    u64 inserted = 0, ejected = 0, failed = 0;
    write32(registers + SEGMENT, 0);
    print("hotplug ready\n");
    while ((!ejects || ejected < ejects) && milliseconds_since(start) < limit) {
        u32 came = read32(registers + INSERTED), leaving = read32(registers + REMOVED);
        for (u8 slot = 0; slot < 32; slot++) {
            if (came >> slot & 1) {
                int status = open_slot(slot) ? blk_request(&disks[slot], BLK_IN, 0, 512) : -2;
                inserted++;
                failed += status != BLK_OK;
                if (!quiet || status != BLK_OK)
                    print("hotplug slot %u came capacity %lu status %d\n", slot, disks[slot].capacity, status);
            }
            if (leaving >> slot & 1 && !keep) {
                if (disks[slot].device.common)
                    virtio_reset(&disks[slot].device);
                write32(registers + EJECT, 1u << slot);
                ejected++;
                if (!quiet)
                    print("hotplug slot %u ejected\n", slot);
                if (stale && disks[slot].device.common)
                    use_old_bar(slot);
            } else if (leaving >> slot & 1)
                print("hotplug slot %u kept\n", slot);
        }
        if (!came && !leaving)
            delay_microseconds(200);
    }
    print("hotplug inserted %lu ejected %lu failed %lu %s\n", inserted, ejected, failed, failed ? "FAILED" : "ok");
    power_off();
}
