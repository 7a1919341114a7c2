// Abuses the first disk in the ways of a catalogue of hostile cases and checks that the device survives as it should.
// Options: case=N (one; else all that need nothing from outside), seed=S (1, of the image), n=COUNT (case 21), ms=T (case 12), secs=T
// (case 29). Prints "case N ok" or "case N FAILED"; details of a failure are lines before it. Case 12 needs two vCPUs.
#include "hostile.h"

struct blk disk, bystander;
bool has_bystander, last_sector_at_risk;
u64 seed;
struct blk_header *header;
u8 *data;
volatile u8 *status;
struct descriptor *table;

static u32 current, failures, last_length;

static const struct { u8 number; bool on_request; void (*run)(void); } cases[] = {
    { 1, false, case_1 }, { 2, false, case_2 }, { 3, false, case_3 }, { 4, false, case_4 }, { 5, false, case_5 },
    { 6, false, case_6 }, { 7, false, case_7 }, { 8, false, case_8 }, { 9, false, case_9 }, { 10, false, case_10 },
    { 11, false, case_11 }, { 12, false, case_12 }, { 13, false, case_13 }, { 14, false, case_14 }, { 15, false, case_15 },
    { 16, false, case_16 }, { 17, false, case_17 }, { 18, false, case_18 }, { 19, false, case_19 }, { 20, false, case_20 },
    { 21, false, case_21 }, { 23, false, case_23 }, { 24, false, case_24 }, { 25, false, case_25 }, { 26, false, case_26 },
    { 27, false, case_27 }, { 28, false, case_28 }, { 29, true, case_29 },
};

void fail(const char *what)
{
    if (failures++ < 12)                        // one serial line costs a millisecond
        print("  case %u: %s\n", current, what);
}

void descriptor(u16 i, u64 address, u32 length, u16 flags, u16 next)
{
    disk.queue.descriptors[i].address = address;
    disk.queue.descriptors[i].length = length;
    disk.queue.descriptors[i].flags = flags;
    disk.queue.descriptors[i].next = next;
}

void entry(u32 i, u64 address, u32 length, u16 flags, u16 next)
{
    table[i] = (struct descriptor){ address, length, flags, next };
}

static void normal_header(void)
{
    *header = (struct blk_header){ .type = BLK_IN, .sector = 8 };
    *status = 0xee;
    memset(data, 0xcc, 4096);
}

void normal(void)
{
    normal_header();
    descriptor(0, (u64)header, sizeof *header, DESC_NEXT, 1);
    descriptor(1, (u64)data, 512, DESC_NEXT | DESC_WRITE, 2);
    descriptor(2, (u64)status, 1, DESC_WRITE, 0);
}

void normal_table(void)
{
    normal_header();
    entry(0, (u64)header, sizeof *header, DESC_NEXT, 1);
    entry(1, (u64)data, 512, DESC_NEXT | DESC_WRITE, 2);
    entry(2, (u64)status, 1, DESC_WRITE, 0);
}

void indirect(u32 length, u16 flags) { descriptor(0, (u64)table, length, DESC_INDIRECT | flags, 1); }

void go(u16 head)
{
    queue_add(&disk.queue, head);
    barrier();
    disk.queue.avail->idx = disk.queue.published = disk.queue.next_avail;
    fence();
    queue_ring(&disk.queue);
}

u32 used_length(void) { return last_length; }
u64 own_bar(void) { return pci_bar(&disk.device.pci, pci_read8(&disk.device.pci, disk.device.cap_common + 4)); }

enum outcome outcome(u32 milliseconds)
{
    u64 start = tsc();
    do {
        u32 id;
        if (queue_take(&disk.queue, &id, &last_length))
            switch (*status) {
            case 0: return OK;
            case 1: return IOERR;
            case 2: return UNSUPPORTED;
            default: return NO_STATUS;
            }
        if (virtio_status(&disk.device) & STATUS_NEEDS_RESET)
            return RESET;
    } while (milliseconds_since(start) < milliseconds);
    return SILENT;
}

static void print_outcomes(u32 set)
{
    static const char *names[] = { "OK", "IOERR", "UNSUPPORTED", "NEEDS_RESET", "SILENT", "NO_STATUS" };
    for (u32 i = 0; i < 6; i++)
        if (set >> i & 1)
            print(" %s", names[i]);
}

static bool reads(struct blk *b, u64 sector)
{
    int result = blk_request(b, BLK_IN, sector, 512);
    if (result != BLK_OK) {
        print("  read of sector %lu: status %d, device status %x\n", sector, result, virtio_status(&b->device));
        return false;
    }
    long wrong = pattern_check(blk_buffer(b, 0), sector, 1, seed);
    if (wrong >= 0)
        print("  sector %lu is wrong from word %ld on\n", sector, wrong);
    return wrong < 0;
}

bool works(void)
{
    normal();
    go(0);
    enum outcome got = outcome(5000);
    return got == OK && pattern_check((u64 *)data, 8, 1, seed) < 0;
}

void restart(u64 without)
{
    if (!virtio_negotiate(&disk.device, disk.device.offered & ~without & ~(F_RING_PACKED | F_ACCESS_PLATFORM | F_BLK_MQ | F_BLK_CONFIG_WCE)))
        stop("the device refuses its features");
    if (!queue_open(&disk.queue, &disk.device, 0, 256, 0xffff))
        stop("the device has no queue");
    virtio_driver_ok(&disk.device);
}

static bool canary_is_whole(void)
{
    for (u32 i = 0; i < PAGE; i++)
        if (data[-1 - (int)i] != 0xa5 || data[DATA_BYTES + i] != 0xa5)
            return false;
    return true;
}

void examine(const char *what)
{
    if (has_bystander && !reads(&bystander, 8 + current))
        fail("the other disk stopped working"), fail(what);
    if (!blk_reopen(&disk))
        fail("the device cannot be started again"), fail(what);
    else if (last_sector_at_risk) {
        last_sector_at_risk = false;
        pattern_fill(blk_buffer(&disk, 0), disk.capacity - 1, 1, seed);
        if (blk_request(&disk, BLK_OUT, disk.capacity - 1, 512) != BLK_OK)
            fail("no normal write after a reset"), fail(what);
    } else if (!reads(&disk, 0) || (current != 29 && !reads(&disk, disk.capacity - 1)))
        fail("no normal I/O after a reset"), fail(what);
    if (!canary_is_whole()) {
        fail("memory around the buffers was written"), fail(what);
        memset(data - PAGE, 0xa5, PAGE);
        memset(data + DATA_BYTES, 0xa5, PAGE);
    }
}

static void judge(const char *what, u32 allowed, u32 milliseconds)
{
    enum outcome got = outcome(milliseconds);
    if (!(got & allowed)) {
        print("  case %u: %s: got", current, what);
        print_outcomes(got);
        print(", allowed");
        print_outcomes(allowed);
        print("\n");
        failures++;
    }
    examine(what);
}

void expect(const char *what, u32 allowed) { judge(what, allowed, allowed & SILENT ? 200 : 3000); }
void expect_now(const char *what, u32 allowed) { judge(what, allowed, 50); }

static bool all_intact(void)                    // the image as a whole, by samples
{
    for (u64 i = 0; i < 32; i++)
        if (!reads(&disk, disk.capacity * i / 32))
            return false;
    return true;
}

void main(void)
{
    u64 only = option_number("case", 0);
    traps_on();
    seed = option_number("seed", 1);
    if (!blk_open(&disk, 0, 128, 4096))
        stop("usage");
    has_bystander = blk_open(&bystander, 1, 1, 512);
    header = allocate(sizeof *header, 64);
    status = allocate(64, 64);
    table = allocate(65536 * sizeof *table, PAGE);
    data = allocate(DATA_BYTES + 2 * PAGE, PAGE) + PAGE;
    memset(data - PAGE, 0xa5, PAGE);
    memset(data + DATA_BYTES, 0xa5, PAGE);
    print("blk-hostile queue %u features %lx\n", disk.queue.size, disk.device.offered);
    if (!all_intact())
        stop("the disk does not hold the pattern (mkpattern FILE SIZE SEED)");
    u32 run = 0;
    for (u32 i = 0; i < ARRAY_LENGTH(cases); i++) {
        if (only ? cases[i].number != only : cases[i].on_request)
            continue;
        current = cases[i].number;
        failures = 0;
        u64 start = tsc();
        cases[i].run();
        examine("afterwards");
        if (current != 29 && !all_intact())
            fail("data on the disk has changed");
        print("case %u %s ms %lu\n", current, failures ? "FAILED" : "ok", milliseconds_since(start));
        run++;
    }
    print(run ? "blk-hostile end\n" : "STOP no such case\n");
    power_off();
}
