// Cases 23 to 26: how registers are accessed, the configuration window, BARs, MSI-X.
#include "hostile.h"

static void read_every_way(u64 from, u32 bytes)
{
    for (u64 a = from; a < from + bytes; a++) {
        read8(a);
        read16(a);
        read32(a);
        read64(a);
    }
}

static void write_every_way(u64 from, u32 bytes)
{
    for (u64 a = from; a < from + bytes; a++) {
        write8(a, 0);
        write16(a, 0);
        write32(a, 0);
        write64(a, 0);
    }
}

void case_23(void)                              // widths, alignment, ends
{
    struct virtio *v = &disk.device;
    read_every_way(v->common, 0x48);
    read_every_way(v->isr, 16);
    read_every_way(v->config, v->config_length < 96 ? v->config_length + 16 : 112);
    read_every_way(v->notify, 16);
    u64 past[] = { v->common + 0x38, v->common + 0x800, v->config + 0x800 };
    for (u32 i = 0; i < ARRAY_LENGTH(past); i++)
        if (read32(past[i]) != 0xffffffff && read32(past[i]) != 0)
            fail("past the end of a region something is read");
    write_every_way(v->isr, 8);
    write_every_way(v->config, v->config_length < 96 ? v->config_length + 16 : 112);
    write_every_way(v->notify, 16);
    examine("every width at every offset");
    write_every_way(v->common, 0x48);           // this also resets it now and then
    examine("every width written at every offset of the common configuration");
}

void case_24(void)                              // the window in configuration space, 4.1.4.9
{
    struct virtio *v = &disk.device;
    u8 cap = v->cap_pci_config;
    if (!cap) {
        fail("no PCI configuration access capability");
        return;
    }
    static const u32 lengths[] = { 0, 1, 2, 3, 4, 5, 8, 0x80000000u, 0xffffffffu }, offsets[] = { 0, 1, 3, 0x7ffff, 0x80000, 0x7fffffff, 0xfffffffc, 0xffffffff };
    static const u8 bars[] = { 0, 1, 4, 5, 6, 7, 0xff };
    for (u32 b = 0; b < ARRAY_LENGTH(bars); b++)
        for (u32 o = 0; o < ARRAY_LENGTH(offsets); o++)
            for (u32 l = 0; l < ARRAY_LENGTH(lengths); l++) {
                pci_write8(&v->pci, cap + 4, bars[b]);
                pci_write32(&v->pci, cap + 8, offsets[o]);
                pci_write32(&v->pci, cap + 12, lengths[l]);
                pci_read32(&v->pci, cap + 16);
                pci_read8(&v->pci, cap + 17);
                if (offsets[o] > 0x80000)
                    pci_write32(&v->pci, cap + 16, 0);
            }
    pci_write8(&v->pci, cap + 4, pci_read8(&v->pci, v->cap_common + 4));
    pci_write32(&v->pci, cap + 8, pci_read32(&v->pci, v->cap_common + 8) + COMMON_NUM_QUEUES);
    pci_write32(&v->pci, cap + 12, 2);
    if (pci_read16(&v->pci, cap + 16) != read16(v->common + COMMON_NUM_QUEUES))
        fail("the window does not show num_queues");
    examine("the configuration window");
}

static bool overlaps_a_bar(u64 from, u64 size)
{
    for (u8 slot = 0; slot < 32; slot++) {
        struct pci_device d = { .slot = slot };
        if (pci_read16(&d, 0) == 0xffff)
            continue;
        for (u32 i = 0; i < 6; i++) {
            u64 at = pci_bar(&d, i);
            if (!at)
                continue;
            if (at < from + size && from < at + 0x100000)
                return true;
            i += pci_bar_is_64(&d, i);
        }
    }
    return false;
}

static u32 bar_index;
static u64 bar_home;

// Moves the BAR to `target` with reads in flight, looks at the rest of the machine, moves it back.
static void move_and_back(const char *what, u64 target)
{
    u16 slots = disk.slots < 32 ? disk.slots : 32;
    for (u16 i = 0; i < slots; i++)
        blk_prepare(&disk, i, BLK_IN, i * 8, 4096);
    queue_publish(&disk.queue);
    pci_bar_move(&disk.device.pci, bar_index, target);
    pci_read32(&disk.device.pci, 0x10 + 4 * bar_index);
    if (has_bystander && blk_request(&bystander, BLK_IN, 0, 512) != BLK_OK)
        fail("the other disk stops"), fail(what);
    if (read32(0xfee00030) == 0xffffffff)
        fail("the LAPIC is gone"), fail(what);
    volatile u64 *ram = (u64 *)(ram_end() - 0x1000000);
    ram[0] = 0x1122334455667788ul + target;
    if (ram[0] != 0x1122334455667788ul + target)
        fail("RAM is gone"), fail(what);
    pci_bar_move(&disk.device.pci, bar_index, bar_home);
    if (pci_bar(&disk.device.pci, bar_index) != bar_home)
        fail("the BAR does not come back"), fail(what);
    u32 done = 0;
    for (u64 start = tsc(); done < slots && milliseconds_since(start) < 5000;) {
        u16 slot;
        u8 result;
        if (!blk_take(&disk, &slot, &result))
            continue;
        done++;
        if (result != BLK_OK || pattern_check(blk_buffer(&disk, slot), slot * 8, 8, seed) >= 0)
            fail("a read in flight went wrong"), fail(what);
    }
    if (done != slots)
        fail("reads in flight were lost"), fail(what);
    examine(what);
}

void case_25(void)                              // BARs
{
    struct pci_device *p = &disk.device.pci;
    bar_index = pci_read8(p, disk.device.cap_common + 4);
    bar_home = pci_bar(p, bar_index);
    u64 size = pci_bar_size(p, bar_index);
    if (size < 0x1000 || size & (size - 1) || bar_home & (size - 1))
        fail("the BAR's size or place is no power of two");
    for (u32 i = 0; i < 6; i++) {               // sizing with decoding on
        u32 was = pci_read32(p, 0x10 + 4 * i);
        pci_write32(p, 0x10 + 4 * i, 0xffffffff);
        pci_read32(p, 0x10 + 4 * i);
        pci_write32(p, 0x10 + 4 * i, was);
        if (pci_read32(p, 0x10 + 4 * i) != was)
            fail("a BAR does not take its old value back");
    }
    examine("sizing with decoding on");

    u64 free = 0xc8000000ul;                    // in the 32-bit aperture here and on QEMU's q35
    while (overlaps_a_bar(free, size))
        free += size > 0x100000 ? size : 0x100000;
    u64 was = disk.device.common;
    pci_bar_move(p, bar_index, free);
    if (pci_bar(p, bar_index) != free)
        fail("the BAR does not move to a free place");
    struct virtio *v = &disk.device;
    virtio_find(v, 2, 0);
    write16(v->common + COMMON_QUEUE_SELECT, 0);
    disk.queue.doorbell = v->notify + (u64)read16(v->common + COMMON_QUEUE_NOTIFY_OFF) * v->notify_multiplier;
    if (!works())
        fail("no I/O at the new place");
    if (read32(was) != 0xffffffff)
        fail("the old place still answers");
    examine("moved to a free place");
    pci_bar_move(p, bar_index, bar_home);
    virtio_find(&disk.device, 2, 0);
    examine("moved back");

    move_and_back("moved onto RAM", ram_end() - 0x1000000);
    move_and_back("moved to address 0", 0);
    move_and_back("moved onto the LAPIC", 0xfee00000);
    move_and_back("moved onto the IOAPIC", 0xfec00000);
    move_and_back("moved to the end of 4 GiB", 0xfff80000);
    if (has_bystander)
        move_and_back("moved onto another device", pci_bar(&bystander.device.pci, pci_read8(&bystander.device.pci, bystander.device.cap_common + 4)));
    if (pci_bar_is_64(p, bar_index)) {
        move_and_back("moved above the aperture", 0xfffffffffff80000ul);
        move_and_back("moved to 2^52", 1ul << 52);
    }
    u16 command = pci_read16(p, PCI_COMMAND);   // decoding off: the region is not there; on: it is back
    pci_write16(p, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY);
    if (read32(disk.device.common) != 0xffffffff)
        fail("registers answer with decoding off");
    pci_write16(p, PCI_COMMAND, command);
    examine("decoding off and on");
}

void case_26(void)                              // MSI-X table and pending bits
{
    u32 entries;
    u64 pba, table_at = msix_table(&disk.device, &entries, &pba);
    if (!table_at) {
        fail("no MSI-X");
        return;
    }
    read_every_way(table_at, 48);
    read_every_way(table_at + 16 * entries - 8, 40);
    read_every_way(pba, 16);
    write64(pba, ~0ul);
    write32(pba + 4, ~0u);
    if (read64(pba) != 0)
        fail("pending bits can be written");
    for (u32 i = 0; i < 48; i++) {
        write8(table_at + i, 0xff);
        write16(table_at + i, 0xffff);
        write32(table_at + i, 0xffffffff);
        write64(table_at + i, ~0ul);
    }
    for (u32 i = 0; i < 24; i++)
        write64(table_at + 16 * entries + i, ~0ul);
    u8 cap = pci_capability(&disk.device.pci, PCI_CAP_MSIX, 0);
    pci_write16(&disk.device.pci, cap + 2, 0xffff);
    pci_write32(&disk.device.pci, cap + 4, 0xffffffff);
    pci_write32(&disk.device.pci, cap + 8, 0xffffffff);
    if (msix_table(&disk.device, NULL, NULL) != table_at)
        fail("the table can be moved");
    pci_write16(&disk.device.pci, cap + 2, 0x8000); // on, unmasked, entries full of ones: interrupts to nowhere
    for (u32 i = 0; i < entries && i < 4; i++)
        write32(table_at + 16 * i + 12, 0);
    write16(disk.device.common + COMMON_QUEUE_SELECT, 0);
    write16(disk.device.common + COMMON_QUEUE_MSIX, 1);
    disk.queue.avail->flags = 0;
    disk.queue.avail->ring[disk.queue.size] = disk.queue.last_used;
    normal();
    go(0);
    if (outcome(3000) != OK)
        fail("no I/O with an interrupt that goes nowhere");
    pci_write16(&disk.device.pci, cap + 2, 0);
    examine("MSI-X table written in every way");
}
