// Polls the PCI hot-plug controller as the DSDT's methods do: a disk that comes is opened and its first sector read, one that is to go is reset
// and its slot ejected. Ends after `ejects` of them (1; 0 never).
// Options: ejects=, keep=1 (never ejects), quiet=1 (says only what fails and how many came and went), secs=T (60), stale=1 (uses the old BAR),
// load=N (ejects each disk with N reads in flight and without a reset, and watches that memory until after the next one has come), seed= (1).
#include "lib/blk.h"
#include "lib/hotplug.h"
#include "lib/pattern.h"

static struct blk disks[32];

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

// What belongs to one of two disks that take turns: all memory that the device was ever told of, and a page before and behind it.
struct watched {
    struct blk disk;
    u8 *from, *to;
};

enum { CANARY = 0x77, LOAD_BLOCK = 32768 };

static bool holds_canary(const u8 *from, const u8 *to)
{
    while (from < to && *from == CANARY)
        from++;
    if (from < to)
        print("memory at %lx was written\n", (u64)from);
    return from == to;
}

static bool open_watched(struct watched *w, u8 slot, u32 depth)
{
    struct virtio v;
    for (u32 nth = 0; virtio_find(&v, 2, nth); nth++) {
        if (v.pci.slot != slot)
            continue;
        bool first = !w->from, ok;
        if (first)
            w->from = allocate(PAGE, PAGE);
        else
            w->disk.device = v;
        ok = first ? blk_open(&w->disk, nth, depth, LOAD_BLOCK) : blk_reopen(&w->disk);
        if (first)
            w->to = (u8 *)allocate(PAGE, PAGE) + PAGE;
        memset(w->from, CANARY, PAGE);
        memset(w->to - PAGE, CANARY, PAGE);
        return ok && w->disk.slots == depth;
    }
    return false;
}

static void submit_all(struct blk *b, u64 round)
{
    for (u16 slot = 0; slot < b->slots; slot++)
        blk_prepare(b, slot, BLK_IN, (slot * 61ul + round * 13) * 8 % (b->capacity - LOAD_BLOCK / 512), LOAD_BLOCK);
    queue_publish(&b->queue);
}

static u32 read_all(struct blk *b, u64 round)   // how many come back right
{
    u32 right = 0;
    u16 slot;
    u8 status;
    submit_all(b, round);
    for (u64 start = tsc(), done = 0; done < b->slots && milliseconds_since(start) < 20000; pause())
        if (blk_take(b, &slot, &status)) {
            done++;
            right += status == BLK_OK && pattern_check(blk_buffer(b, slot), b->headers[slot].sector, LOAD_BLOCK / 512, option_number("seed", 1)) < 0;
        }
    return right;
}

static u32 await_slot(u64 at)
{
    for (u64 start = tsc(); milliseconds_since(start) < 60000; delay_microseconds(100)) {
        u32 slots = read32(at);
        if (slots)
            return __builtin_ctz(slots);
    }
    stop("hotplug: no disk comes or is to go");
}

// Hostile case 28. Another disk of the same id comes only when the one before is gone for good: what is written after that is a late DMA.
static void eject_with_reads_in_flight(u64 registers, u32 depth)
{
    static struct watched turns[2];
    u64 failed = 0, rounds = option_number("ejects", 1);
    u32 left = 0;
    for (u64 round = 0;; round++) {
        struct watched *now = turns + (round & 1), *gone = turns + (~round & 1);
        u8 slot = await_slot(registers + HOTPLUG_INSERTED);
        if (round) {
            bool around = holds_canary(gone->from, gone->from + PAGE) & holds_canary(gone->to - PAGE, gone->to);
            failed += !around;
            memset(gone->from, CANARY, gone->to - gone->from);
        }
        u32 right = open_watched(now, slot, depth) ? read_all(&now->disk, round) : 0;
        delay_microseconds(20000);
        bool quiet = !round || holds_canary(gone->from, gone->to);
        failed += right != depth || !quiet;
        print("hotplug round %lu right %u left in flight %u canary %s\n", round, right, left, quiet ? "whole" : "gone");
        if (round == rounds)
            break;
        slot = await_slot(registers + HOTPLUG_REMOVED);
        submit_all(&now->disk, round);
        if (round & 1)
            delay_microseconds(round * 20);
        write32(registers + HOTPLUG_EJECT, 1u << slot);
        left = depth - (u16)(now->disk.queue.used->idx - now->disk.queue.last_used);
    }
    print("hotplug ejected %lu under load failed %lu %s\n", rounds, failed, failed ? "FAILED" : "ok");
    power_off();
}

void main(void)
{
    traps_on();
    u64 registers = hotplug_registers(), ejects = option_number("ejects", 1), limit = option_number("secs", 60) * 1000, start = tsc();
    bool quiet = option_number("quiet", 0), stale = option_number("stale", 0), keep = option_number("keep", 0);
    u64 inserted = 0, ejected = 0, failed = 0;
    print("hotplug ready\n");
    if (option_number("load", 0))
        eject_with_reads_in_flight(registers, option_number("load", 0));
    while ((!ejects || ejected < ejects) && milliseconds_since(start) < limit) {
        u32 came = read32(registers + HOTPLUG_INSERTED), leaving = read32(registers + HOTPLUG_REMOVED);
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
                write32(registers + HOTPLUG_EJECT, 1u << slot);
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
