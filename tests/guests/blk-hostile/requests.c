// Cases 27 to 29: block requests, reset in flight, a failing backend.
#include "hostile.h"

static void read_at(const char *what, u64 sector, u32 length, u32 allowed)
{
    normal();
    header->sector = sector;
    descriptor(1, (u64)data, length, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect(what, allowed);
}

static void ranged(const char *what, u32 type, u64 sector, u32 count, u32 flags, u32 bytes, u32 allowed)
{
    normal();
    header->type = type;
    header->sector = 0;
    struct blk_range range = { sector, count, flags };
    memcpy(data, &range, sizeof range);
    descriptor(1, (u64)data, bytes, DESC_NEXT, 2);
    go(0);
    expect(what, allowed);
}

static void sectors(void)
{
    read_at("sector 2^64 - 1", ~0ul, 512, IOERR);
    read_at("sector * 512 is 2^64", 1ul << 55, 512, IOERR);
    read_at("sector + length wraps", ~0ul - 7, 4096, IOERR);
    read_at("sector = capacity", disk.capacity, 512, IOERR);
    read_at("the last sector and seven more", disk.capacity - 1, 4096, IOERR);
    read_at("the last sector", disk.capacity - 1, 512, OK);
    read_at("100 bytes", 8, 100, IOERR);
    read_at("513 bytes", 8, 513, IOERR);
}

// A malformed request is answered with IOERR ("device or driver error", 5.2.6). One that has no status byte cannot be answered: to give it back
// would let the driver take whatever is there for the answer, so the device asks to be reset (2.1.2).
static void shapes(void)
{
    normal();
    descriptor(0, (u64)header, sizeof *header, 0, 0);
    go(0);
    expect("only a header", RESET);
    normal();
    header->type = BLK_OUT;
    header->sector = disk.capacity;
    descriptor(1, (u64)data, 512, 0, 0);
    go(0);
    expect("a write without a status byte", RESET);
    normal();
    descriptor(2, (u64)status, 1, 0, 0);
    go(0);
    expect("a status byte that is not writable", RESET);
    normal();
    descriptor(0, (u64)header, 8, DESC_NEXT, 1);
    go(0);
    expect("a header of 8 bytes", IOERR);
    normal();
    descriptor(0, (u64)header, sizeof *header, DESC_NEXT | DESC_WRITE, 1);
    go(0);
    expect("a writable header", IOERR);
    normal();
    descriptor(0, (u64)header, 7, DESC_NEXT, 3); // no framing is to be assumed (2.7.4)
    descriptor(3, (u64)header + 7, 9, DESC_NEXT, 1);
    go(0);
    expect("a header in two pieces", OK);
    normal();
    descriptor(1, (u64)data, 100, DESC_NEXT | DESC_WRITE, 3);
    descriptor(3, (u64)data + 100, 412, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect("a sector in two odd pieces", OK);
    normal();
    descriptor(0, (u64)header, sizeof *header, DESC_NEXT, 2);
    go(0);
    expect("a read without data", OK);
    normal();
    descriptor(1, (u64)data, 512, DESC_NEXT, 2);
    go(0);
    expect("a read into a buffer that is not writable", IOERR);
    normal();
    header->type = BLK_OUT;
    go(0);
    expect("a write from a writable buffer", IOERR);
}

static void kinds(void)
{
    static const u32 unknown[] = { 2, 3, 0x1234, 0x80000000u, 0xffffffffu };
    for (u32 i = 0; i < ARRAY_LENGTH(unknown); i++) {
        normal();
        header->type = unknown[i];
        go(0);
        expect("an unknown type", UNSUPPORTED);
    }
    static const u32 ids[] = { 1, 19, 20, 21, 4096 };
    for (u32 i = 0; i < ARRAY_LENGTH(ids); i++) {
        normal();
        header->type = BLK_GET_ID;
        descriptor(1, (u64)data, ids[i], DESC_NEXT | DESC_WRITE, 2);
        go(0);
        expect("GET_ID with a buffer of another length", OK);
    }
    if (disk.device.offered & F_BLK_RO) {
        normal();
        header->type = BLK_OUT;
        header->sector = disk.capacity - 1;
        descriptor(1, (u64)data, 512, DESC_NEXT, 2);
        go(0);
        expect("a write to a read-only disk", IOERR);
    }
    for (u32 type = BLK_DISCARD; type <= BLK_WRITE_ZEROES; type += 2) {
        ranged("discard or zeroes far away", type, 1ul << 63, 8, 0, 16, IOERR);
        ranged("discard or zeroes at the wrap", type, ~0ul - 7, 8, 0, 16, IOERR);
        ranged("discard or zeroes of 2^32 - 1 sectors", type, 0, 0xffffffff, 0, 16, IOERR);
        ranged("discard or zeroes past the end", type, disk.capacity - 1, 8, 0, 16, IOERR);
        ranged("discard or zeroes with unknown flags", type, 0, 8, 0xfffffffe, 16, UNSUPPORTED); // 5.2.6.2
        ranged("discard or zeroes with 15 bytes", type, disk.capacity, 8, 0, 15, IOERR);
        ranged("discard or zeroes with 0 ranges", type, disk.capacity, 8, 0, 0, IOERR);
    }
}

static void flush_storm(void)
{
    u64 done = 0, given = 0, start = tsc();
    while (done < 2000 && milliseconds_since(start) < 20000) {
        u16 slot;
        u8 result;
        if (given < disk.slots) {
            for (slot = 0; slot < disk.slots; slot++, given++)
                blk_prepare(&disk, slot, BLK_FLUSH, 0, 0);
            queue_publish(&disk.queue);
        }
        while (blk_take(&disk, &slot, &result)) {
            done++;
            if (result != BLK_OK)
                fail("a flush of the storm fails");
            blk_prepare(&disk, slot, BLK_FLUSH, 0, 0);
        }
        queue_publish(&disk.queue);
    }
    if (done < 2000)
        fail("2000 flushes do not finish in 20 s");
    examine("flush storm");
}

void case_27(void)
{
    sectors();
    shapes();
    kinds();
    flush_storm();
}

void case_28(void)                              // reset with requests in flight: no late DMA
{
    for (u32 round = 0; round < 20; round++) {
        u64 bytes = (u64)disk.slots * disk.block;
        for (u16 slot = 0; slot < disk.slots; slot++)
            blk_prepare(&disk, slot, BLK_IN, (slot * 977ul + round * 13) * 8 % (disk.capacity - 8), 4096);
        queue_publish(&disk.queue);
        if (round & 1)
            delay_microseconds(round * 20);
        virtio_reset(&disk.device);
        memset(disk.buffers, 0x77, bytes);
        memset((void *)disk.status, 0x77, disk.slots);
        memset((void *)disk.queue.used, 0x77, 64);
        delay_microseconds(30000);
        bool clean = true;
        for (u64 i = 0; i < bytes; i++)
            clean &= disk.buffers[i] == 0x77;
        for (u32 i = 0; i < 64; i++)
            clean &= ((u8 *)disk.queue.used)[i] == 0x77;
        for (u16 i = 0; i < disk.slots; i++)
            clean &= disk.status[i] == 0x77;
        if (!clean)
            fail("memory was written after the reset had finished");
        examine("reset in flight");
    }
}

// The end of the disk reads as errors once somebody outside has broken it (truncated the file, say).
static void reads_fail(void)
{
    bool broken = false;
    for (u64 start = tsc(); !broken && milliseconds_since(start) < option_number("secs", 20) * 1000;) {
        int result = blk_request(&disk, BLK_IN, disk.capacity - 8, 4096);
        if (result == BLK_IOERR)
            broken = true;
        else if (result != BLK_OK)
            fail("neither served nor IOERR");
        delay_microseconds(10000);
    }
    if (!broken)
        fail("no IOERR was seen");
}

static int write_page(u64 sector)
{
    pattern_fill(blk_buffer(&disk, 0), sector, 8, seed);
    return blk_request(&disk, BLK_OUT, sector, 4096);
}

// The disk's last 256 KiB are a hole for which the host's file system has not room enough.
static void writes_find_no_room(void)
{
    u64 sector = disk.capacity;
    u32 written = 0;
    int result;
    do {
        sector -= 8;
        result = write_page(sector);
        written += result == BLK_OK;
    } while (result == BLK_OK && written < 64);
    print("  pages written before the file system was full: %u\n", written);
    if (result != BLK_IOERR || !written)
        fail("a write to a full file system is not an IOERR");
    for (u32 i = 0; i < 1000; i++)              // one line for a state, not one for an event
        if (write_page(sector) != BLK_IOERR)
            fail("a write to a full file system is not an IOERR again");
    if (write_page(disk.capacity - 8) != BLK_OK)
        fail("what has its room cannot be written");
    if (blk_request(&disk, BLK_FLUSH, 0, 0) != BLK_OK)
        fail("no flush with a full file system");
    struct blk_range range = { disk.capacity - 8, 8, 0 };
    memcpy(blk_buffer(&disk, 0), &range, sizeof range);
    if (blk_request(&disk, BLK_DISCARD, 0, sizeof range) != BLK_OK)
        fail("a discard fails");
    if (write_page(sector) != BLK_OK)
        fail("no write where a discard has made room");
}

// Somebody outside freezes the host's file system after "ready", and thaws it after "resetting". Writes stall; nothing else may.
static void writes_stall(void)
{
    enum { SLOTS = 8 };
    u16 slot;
    u8 result;
    bool stalled = false;
    for (u64 start = tsc(); !stalled && milliseconds_since(start) < 20000;) {
        pattern_fill(blk_buffer(&disk, SLOTS), disk.capacity - 8, 8, seed);
        blk_prepare(&disk, SLOTS, BLK_OUT, disk.capacity - 8, 4096);
        queue_publish(&disk.queue);
        bool done = false;
        for (u64 sent = tsc(); !done && milliseconds_since(sent) < 300;)
            done = blk_take(&disk, &slot, &result);
        stalled = !done;
        delay_microseconds(10000);
    }
    if (!stalled) {
        fail("no write stalls");
        return;
    }
    for (u32 i = 0; i < 100; i++) {
        for (slot = 0; slot < SLOTS; slot++)
            blk_prepare(&disk, slot, BLK_IN, (i * SLOTS + slot) * 8, 4096);
        queue_publish(&disk.queue);
        u32 done = 0;
        for (u64 start = tsc(); done < SLOTS && milliseconds_since(start) < 5000;)
            if (blk_take(&disk, &slot, &result)) {
                done++;
                if (result != BLK_OK || slot >= SLOTS || pattern_check(blk_buffer(&disk, slot), (i * SLOTS + slot) * 8, 8, seed) >= 0)
                    fail("a read beside a stalled write goes wrong");
            }
        if (done < SLOTS)
            fail("reads wait for a stalled write");
        if (has_bystander && blk_request(&bystander, BLK_IN, i, 512) != BLK_OK)
            fail("the other disk waits for a stalled write");
    }
    if (disk.status[SLOTS] != 0xee)
        fail("the stalled write has been answered");

    u64 start = tsc();
    write8(disk.device.common + COMMON_STATUS, 0);
    u64 took = milliseconds_since(start);
    if (took > 500)
        fail("the reset of a stalled disk holds the vCPU");
    if (!virtio_status(&disk.device))
        fail("the reset is done while the host still uses the guest's memory");
    print("case 29 resetting after %lu ms\n", took);
    for (start = tsc(); virtio_status(&disk.device);) {
        if (milliseconds_since(start) > 20000) {
            fail("the reset is never done");
            return;
        }
        if (has_bystander && blk_request(&bystander, BLK_IN, 8, 512) != BLK_OK)
            fail("the other disk waits for a reset");
    }
    memset(blk_buffer(&disk, SLOTS), 0x77, 4096);
    blk_reopen(&disk);
    if (blk_request(&disk, BLK_IN, disk.capacity - 8, 4096) != BLK_OK || pattern_check(blk_buffer(&disk, 0), disk.capacity - 8, 8, seed) >= 0)
        fail("the host read the guest's memory after the reset was done");
}

// A host that fails. Options: op=read (default), write, stall; secs=T (20), how long to wait for the first error.
void case_29(void)
{
    print("case 29 ready\n");
    if (option_is("op", "write"))
        writes_find_no_room();
    else if (option_is("op", "stall"))
        writes_stall();
    else
        reads_fail();
    if (virtio_status(&disk.device) & STATUS_NEEDS_RESET)
        fail("the device wants a reset for an error of its backend");
    if (blk_request(&disk, BLK_IN, 0, 512) != BLK_OK)
        fail("the queue does not live on");
}
