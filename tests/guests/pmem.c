// Uses the first virtio-pmem. Options: op= check (default: the image has the pattern of seed=1; reads all of it, writes the pattern of write= (2) into the first
// mib= (1) MiB, flushes), abuse (requests of every wrong kind, and a storm of n= (5000) flushes), lose (reads the last page until the host cuts the file), run (stores, loads
// and flushes until the host says so in the file), unplug (waits for the
// device, uses it, lets go of it when asked and looks at its range again).
#include "lib/pattern.h"
#include "lib/virtio.h"

#define VIRTIO_PMEM 27
enum { INSERTED = 0, REMOVED = 4, EJECT = 8, SEGMENT = 12 };

static struct virtio device;
static struct queue queue;
static u64 start, size;
static u8 *memory;

// Config space in every width at every offset: start and size, then nothing.
static bool config_ok(void)
{
    u8 bytes[32];
    bool ok = true;
    for (u32 i = 0; i < 32; i++)
        bytes[i] = i < 8 ? start >> 8 * i : i < 16 ? size >> 8 * (i - 8) : 0xff;
    for (u32 i = 0; i + 8 <= 32; i++) {
        ok &= read8(device.config + i) == bytes[i];
        ok &= read16(device.config + i) == *(u16 *)(bytes + i);
        ok &= read32(device.config + i) == *(u32 *)(bytes + i);
        ok &= read64(device.config + i) == *(u64 *)(bytes + i);
    }
    write64(device.config, 0);                  // nothing of it can be written
    return ok && read64(device.config) == start;
}

static bool open_device(void)
{
    if (!virtio_find(&device, VIRTIO_PMEM, 0) || !virtio_negotiate(&device, 0) || !queue_open(&queue, &device, 0, 256, 0xffff))
        return false;
    virtio_driver_ok(&device);
    start = read64(device.config);
    size = read64(device.config + 8);
    memory = map_device(start, size);
    return true;
}

struct request { volatile u32 type, result; u8 rest[56]; };
static struct request *requests;

static void describe(u16 at, u64 address, u32 length, u16 flags, u16 next)
{
    queue.descriptors[at].address = address;
    queue.descriptors[at].length = length;
    queue.descriptors[at].flags = flags;
    queue.descriptors[at].next = next;
}

static u32 take(void)
{
    u32 id, length;
    for (u64 since = tsc(); !queue_take(&queue, &id, &length); pause())
        if (milliseconds_since(since) > 30000)
            stop("pmem: no answer");
    return length;
}

// One request; how much was written is in *used.
static u32 request(u32 type, u32 asked, u32 room, u32 *used)
{
    struct request *r = requests;
    r->type = type;
    r->result = 0xdeadbeef;
    u16 last = 0;
    if (asked)
        describe(0, (u64)&r->type, asked, room ? DESC_NEXT : 0, 1), last = 1;
    if (room)
        describe(last, (u64)&r->result, room, DESC_WRITE, 0);
    queue_add(&queue, 0);
    queue_publish(&queue);
    *used = take();
    return r->result;
}

static u32 flush(void)
{
    u32 used, result = request(0, 4, 4, &used);
    return used == 4 ? result : 0xffff;
}

static void check(void)
{
    u64 seed = option_number("seed", 1), write = option_number("write", 2), sectors = size / 512, changed = option_number("mib", 1) << 11;
    long first = pattern_check((u64 *)memory, 0, sectors, seed);
    if (write)
        pattern_fill((u64 *)memory, 0, changed, write);
    u32 result = flush();
    long second = write ? pattern_check((u64 *)memory, 0, changed, write) : -1;
    print("pmem start %lx size %lu wrong %ld after %ld flush %u config %u %s\n", start, size, first, second, result, config_ok(),
          first < 0 && second < 0 && !result && config_ok() && !(start & 0x1fffff) ? "ok" : "FAILED");
}

static void abuse(void)
{
    u32 used[6], result[6];
    result[0] = request(1, 4, 4, &used[0]);     // unknown
    result[1] = request(0xffffffff, 4, 4, &used[1]);
    result[2] = request(0, 3, 4, &used[2]);     // too short
    result[3] = request(0, 4, 3, &used[3]);     // no room
    result[4] = request(0, 0, 4, &used[4]);     // no request at all
    result[5] = request(0, 4, 0, &used[5]);     // no answer at all
    bool ok = result[0] == 1 && used[0] == 4 && result[1] == 1 && used[1] == 4;
    for (u32 i = 2; i < 6; i++)
        ok &= result[i] == 0xdeadbeef && !used[i];
    struct request *r = requests;               // cut anywhere, with a part of no length
    r->type = 0;
    r->result = 0xdeadbeef;
    describe(0, (u64)r, 1, DESC_NEXT, 1);
    describe(1, (u64)r, 0, DESC_NEXT, 2);
    describe(2, (u64)r + 1, 3, DESC_NEXT, 3);
    describe(3, (u64)&r->result, 3, DESC_WRITE | DESC_NEXT, 4);
    describe(4, (u64)&r->result + 3, 61, DESC_WRITE, 0);
    queue_add(&queue, 0);
    queue_publish(&queue);
    u32 length = take();
    ok &= length == 4 && !r->result;
    u64 storm = option_number("n", 5000), failed = 0, since = tsc();
    for (u64 done = 0; done < storm;) {
        u32 count = storm - done < 128 ? storm - done : 128;
        for (u32 i = 0; i < count; i++) {
            requests[i].type = 0;
            requests[i].result = 0xdeadbeef;
            describe(2 * i, (u64)&requests[i].type, 4, DESC_NEXT, 2 * i + 1);
            describe(2 * i + 1, (u64)&requests[i].result, 4, DESC_WRITE, 0);
            queue_add(&queue, 2 * i);
        }
        queue_publish(&queue);
        for (u32 i = 0; i < count; i++)
            failed += take() != 4;
        for (u32 i = 0; i < count; i++)
            failed += requests[i].result != 0;
        done += count;
    }
    print("pmem abuse %u results %x %x split %u storm %lu failed %lu ms %lu status %x %s\n", ok, result[0], result[1], length, storm, failed,
          milliseconds_since(since), virtio_status(&device), ok && !failed && !(virtio_status(&device) & STATUS_NEEDS_RESET) ? "ok" : "FAILED");
}

static void lose(void)
{
    u64 at = (u64)memory + size - PAGE, first = read64(at), seen;
    u32 before = flush();
    print("pmem ready\n");
    u64 since = tsc();
    while ((seen = read64(at)) == first)
        if (milliseconds_since(since) > 60000)
            stop("pmem: nothing was lost");
    write64(at, 0x1234567);                     // goes nowhere, but goes
    u64 back = read64(at);
    u32 after = flush();
    long kept = pattern_check((u64 *)memory, 0, 2048, 1);
    print("pmem lost page reads %lx then %lx, flush %u then %u, first MiB wrong %ld %s\n", seen, back, before, after, kept,
          !seen && back == 0x1234567 && !before && after == 1 && kept < 0 ? "ok" : "FAILED");
}

// Stores, loads and flushes without end, until the host stores 1 into the first word of the second page.
static void run(void)
{
    volatile u64 *words = (u64 *)memory, *over = (u64 *)(memory + PAGE);
    u64 rounds = 0, failed = 0, longest = 0;
    *over = 0;
    for (u64 i = 0; i < size / PAGE; i++)
        if (i != 1)
            words[i * 512] = i;
    print("pmem runs\n");
    for (u64 since = tsc(); !*over && milliseconds_since(since) < 120000; rounds++) {
        u64 at = rounds % (size / PAGE - 2) + 2, before = tsc();
        failed += words[at * 512] % 0x100000 != at;
        words[at * 512] = at + (rounds + 1) * 0x100000;
        failed += words[at * 512] != at + (rounds + 1) * 0x100000;
        if (rounds % 64 == 0)
            failed += flush() != 0;
        u64 took = milliseconds_since(before);
        longest = took > longest ? took : longest;
    }
    failed += flush() != 0;
    print("pmem rounds %lu failed %lu longest_ms %lu status %x %s\n", rounds, failed, longest, virtio_status(&device), rounds && !failed && *over == 1 ? "ok" : "FAILED");
}

static u64 address_bits(u64 leaf)
{
    u32 r[4];
    cpuid(leaf, 0, r);
    return r[0] & 0xff;
}

static void unplug(void)
{
    u64 registers = (u64)map_device((1ul << ring0_call(address_bits, 0x80000008)) - 0x10000 - PAGE, 16), since = tsc();
    write32(registers + SEGMENT, 0);
    print("pmem waits\n");
    while (!read32(registers + INSERTED))
        if (milliseconds_since(since) > 60000)
            stop("pmem: nothing comes");
    if (!open_device())
        stop("pmem: what came is no pmem");
    long wrong = pattern_check((u64 *)memory, 0, size / 512, 1);
    write64((u64)memory, 42);
    u32 result = flush();
    print("pmem came size %lu wrong %ld flush %u\n", size, wrong, result);
    u32 leaving;
    for (since = tsc(); !(leaving = read32(registers + REMOVED));)
        if (milliseconds_since(since) > 60000)
            stop("pmem: nobody wants it back");
    write32(registers + EJECT, leaving);        // no reset, and the range still in use
    u64 last;
    for (since = tsc(); (last = read64((u64)memory)) != ~0ul;)
        if (milliseconds_since(since) > 60000)
            stop("pmem: its memory does not go");
    write64((u64)memory, 43);
    write16(queue.doorbell, 0);                 // to where its registers were
    print("pmem gone wrong %ld flush %u end %lx %s\n", wrong, result, read64((u64)memory + size - 8), wrong < 0 && !result ? "ok" : "FAILED");
}

void main(void)
{
    traps_on();
    requests = allocate(128 * sizeof *requests, PAGE);
    if (option_is("op", "unplug")) {
        unplug();
        power_off();
    }
    if (!open_device())
        stop("pmem: no device");
    if (option_is("op", "abuse"))
        abuse();
    else if (option_is("op", "run"))
        run();
    else if (option_is("op", "lose"))
        lose();
    else
        check();
    power_off();
}
