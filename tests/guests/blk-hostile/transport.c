// Cases 15 to 21: registers and state of the virtio-pci transport.
#include "hostile.h"

#define COMMON disk.device.common

static void select(u16 queue) { write16(COMMON + COMMON_QUEUE_SELECT, queue); }

// From reset to DRIVER_OK with our own rings, but with these queue sizes written one after the other, and one normal request. What the
// driver must not write (4.1.4.3.2, and more than the maximum) is never shown, since the device presents 0 or a power of 2 up to its
// maximum (4.1.4.3.1); a driver that has laid out its rings for it cannot be served, so the queue is not enabled.
static void start_with_sizes(u16 first, u16 last, bool possible)
{
    virtio_negotiate(&disk.device, F_VERSION_1 | F_BLK_FLUSH);
    select(0);
    u16 max = read16(COMMON + COMMON_QUEUE_SIZE);
    write16(COMMON + COMMON_QUEUE_SIZE, first);
    write16(COMMON + COMMON_QUEUE_SIZE, last);
    u16 shown = read16(COMMON + COMMON_QUEUE_SIZE);
    if (shown > max || shown & (shown - 1) || (possible && shown != last))
        print("  queue_size %u after %u\n", shown, last), fail("an impossible queue size is shown");
    struct queue *q = &disk.queue;
    memset((void *)q->avail, 0, 4);
    memset((void *)q->used, 0, 4);
    q->size = possible ? last : max;
    q->next_avail = q->published = q->last_used = 0;
    u64 address[] = { (u64)q->descriptors, (u64)q->avail, (u64)q->used };
    for (u32 i = 0; i < 3; i++) {
        write32(COMMON + COMMON_QUEUE_DESC + 8 * i, address[i]);
        write32(COMMON + COMMON_QUEUE_DESC + 8 * i + 4, address[i] >> 32);
    }
    write16(COMMON + COMMON_QUEUE_ENABLE, 1);
    if (read16(COMMON + COMMON_QUEUE_ENABLE) != possible)
        fail("queue_enable is not what it has to be");
    virtio_driver_ok(&disk.device);
    normal();
    go(0);
    if (!possible && outcome(50) != RESET)
        fail("a queue of an impossible size does not ask for a reset");
    if (!possible && q->used->idx)
        fail("a queue of an impossible size is served");
    if (possible && outcome(3000) != OK)
        fail("a queue of a smaller size is not served");
    q->size = max;
    examine("a queue size");
}

void case_15(void)                              // queue sizes
{
    u16 max = disk.queue.size;
    u16 sizes[] = { 0, 3, 5, 127, max - 1, max + 1, max * 2, 0x7fff, 0x8000, 0xffff };
    for (u32 i = 0; i < ARRAY_LENGTH(sizes); i++) {
        start_with_sizes(max, sizes[i], false);
        start_with_sizes(sizes[i], max / 2, true); // a driver that thinks again
    }
}

void case_16(void)                              // a live queue is changed
{
    u64 elsewhere = (u64)allocate(PAGE, PAGE);
    select(0);
    write16(COMMON + COMMON_QUEUE_SIZE, 2);
    normal();
    go(0);
    expect("queue_size written after DRIVER_OK", OK | RESET);
    for (u32 i = 0; i < 3; i++) {
        select(0);
        write32(COMMON + COMMON_QUEUE_DESC + 8 * i, elsewhere);
        write32(COMMON + COMMON_QUEUE_DESC + 8 * i + 4, 0xffffffff);
        normal();
        go(0);
        expect("a ring address written after DRIVER_OK", OK | RESET);
    }
    select(0);
    write16(COMMON + COMMON_QUEUE_ENABLE, 0);
    normal();
    go(0);
    expect("queue_enable 0 after DRIVER_OK", OK | RESET | SILENT);
    for (u16 i = 0; i < 64 && i < disk.slots; i++) // with requests in flight
        blk_prepare(&disk, i, BLK_IN, i * 8, 4096);
    queue_publish(&disk.queue);
    write16(COMMON + COMMON_QUEUE_SIZE, 1);
    write32(COMMON + COMMON_QUEUE_DEVICE, elsewhere);
    delay_microseconds(50000);
    examine("queue_size and used ring written with requests in flight");
    for (u32 i = 0; i < PAGE / 8; i++)
        if (((u64 *)elsewhere)[i])
            fail("the device used an address written after DRIVER_OK");
}

void case_17(void)                              // queue_select and vectors out of range
{
    u16 queues = read16(COMMON + COMMON_NUM_QUEUES), bad[] = { queues, queues + 1, 0x8000, 0xffff };
    for (u32 i = 0; i < ARRAY_LENGTH(bad); i++) {
        select(bad[i]);
        if (read16(COMMON + COMMON_QUEUE_SIZE) != 0)
            fail("a queue that does not exist has a size");
        for (u32 offset = COMMON_QUEUE_SIZE; offset < 0x38; offset += 2) {
            read16(COMMON + offset);
            write16(COMMON + offset, 0xffff);
            write16(COMMON + offset, 1);
        }
        if (read16(COMMON + COMMON_QUEUE_SIZE) != 0 || read16(COMMON + COMMON_QUEUE_ENABLE) == 1)
            fail("a queue that does not exist can be enabled");
    }
    select(0);
    normal();
    go(0);
    expect("queues that do not exist written", OK);
    static const u16 vectors[] = { 0xfffe, 0x7fff, 0x800 };
    for (u32 i = 0; i < ARRAY_LENGTH(vectors); i++) {
        select(0);
        write16(COMMON + COMMON_MSIX_CONFIG, vectors[i]);
        write16(COMMON + COMMON_QUEUE_MSIX, vectors[i]);
        if (read16(COMMON + COMMON_MSIX_CONFIG) != 0xffff || read16(COMMON + COMMON_QUEUE_MSIX) != 0xffff)
            fail("a vector that does not exist is taken (NO_VECTOR has to be read back)");
        normal();
        go(0);
        expect("a vector that does not exist", OK);
    }
}

void case_18(void)                              // queue_enable with no or bad addresses
{
    static const u64 bad[][3] = { { 0, 0, 0 }, { 1, 1, 1 }, { 0x1001, 0x2001, 0x3001 }, { ~0ul, ~0ul, ~0ul }, { 1ul << 63, 1ul << 63, 1ul << 63 } };
    for (u32 i = 0; i < ARRAY_LENGTH(bad); i++) {
        virtio_negotiate(&disk.device, F_VERSION_1);
        select(0);
        for (u32 j = 0; j < 3; j++) {
            write32(COMMON + COMMON_QUEUE_DESC + 8 * j, bad[i][j]);
            write32(COMMON + COMMON_QUEUE_DESC + 8 * j + 4, bad[i][j] >> 32);
        }
        write16(COMMON + COMMON_QUEUE_ENABLE, 1);
        virtio_driver_ok(&disk.device);
        queue_ring(&disk.queue);
        queue_ring(&disk.queue);
        delay_microseconds(20000);
        examine("queue_enable with a bad address");
    }
}

void case_19(void)                              // doorbells at the wrong time
{
    virtio_negotiate(&disk.device, F_VERSION_1);
    queue_open(&disk.queue, &disk.device, 0, 256, 0xffff);
    normal();
    go(0);
    if (outcome(50) != SILENT)
        fail("a doorbell before DRIVER_OK is served");
    virtio_driver_ok(&disk.device);
    queue_ring(&disk.queue);
    if (outcome(3000) != OK)
        fail("the request made before DRIVER_OK is not served after it");
    virtio_reset(&disk.device);
    normal();
    go(0);
    expect_now("a doorbell after a reset", SILENT);
    virtio_negotiate(&disk.device, F_VERSION_1);
    virtio_driver_ok(&disk.device);
    normal();
    go(0);
    expect_now("a doorbell on a queue that is not enabled", SILENT | RESET);
    u32 length = disk.device.notify_length < 0x1000 ? disk.device.notify_length : 0x1000;
    for (u32 offset = 0; offset + 4 <= length; offset += 4)
        write32(disk.device.notify + offset, 0xdead0000u | offset);
    normal();
    go(0);
    expect("every doorbell of the region", OK);
}

void case_20(void)                              // features
{
    virtio_reset(&disk.device);
    write8(COMMON + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    queue_open(&disk.queue, &disk.device, 0, 256, 0xffff);
    write8(COMMON + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
    normal();
    go(0);
    expect_now("DRIVER_OK without FEATURES_OK", SILENT | RESET);
    virtio_reset(&disk.device);
    write8(COMMON + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    for (u32 half = 0; half < 4; half++) {
        write32(COMMON + COMMON_DRIVER_FEATURE_SELECT, half);
        write32(COMMON + COMMON_DRIVER_FEATURE, 0xffffffff);
    }
    write8(COMMON + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    if (virtio_status(&disk.device) & STATUS_FEATURES_OK)
        fail("features that were not offered are taken");
    examine("features that were not offered");
    virtio_reset(&disk.device);
    write8(COMMON + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    if (virtio_status(&disk.device) & STATUS_FEATURES_OK)
        fail("a driver without VERSION_1 is taken");
    examine("no VERSION_1");
    restart(0);
    for (u32 half = 0; half < 2; half++) {
        write32(COMMON + COMMON_DRIVER_FEATURE_SELECT, half);
        write32(COMMON + COMMON_DRIVER_FEATURE, 0);
    }
    normal_table();                             // EVENT_IDX and INDIRECT_DESC are still on
    indirect(48, 0);
    go(0);
    expect("features changed after FEATURES_OK", OK | RESET);
    static const u32 selects[] = { 2, 3, 0x80000000u, 0xffffffffu };
    for (u32 i = 0; i < ARRAY_LENGTH(selects); i++) {
        write32(COMMON + COMMON_DEVICE_FEATURE_SELECT, selects[i]);
        if (read32(COMMON + COMMON_DEVICE_FEATURE) != 0)
            fail("a feature word that does not exist is not 0");
    }
}

// The shortest way from reset to reads in flight: descriptors 0 to 11 are four reads of 4 KiB, made available before.
static void start_with_reads(void)
{
    struct queue *q = &disk.queue;
    write32(COMMON + COMMON_DRIVER_FEATURE_SELECT, 1);
    write32(COMMON + COMMON_DRIVER_FEATURE, F_VERSION_1 >> 32);
    write32(COMMON + COMMON_QUEUE_DESC, (u64)q->descriptors);
    write32(COMMON + COMMON_QUEUE_DRIVER, (u64)q->avail);
    write32(COMMON + COMMON_QUEUE_DEVICE, (u64)q->used);
    write16(COMMON + COMMON_QUEUE_ENABLE, 1);
    write8(COMMON + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    queue_ring(q);
}

void case_21(void)                              // status toggled with I/O in flight
{
    u64 toggles = option_number("n", 20000), served = 0;
    struct queue *q = &disk.queue;
    for (u16 i = 0; i < 4; i++) {
        disk.headers[i] = (struct blk_header){ .type = BLK_IN, .sector = 8 + 8 * i };
        descriptor(3 * i, (u64)(disk.headers + i), sizeof *disk.headers, DESC_NEXT, 3 * i + 1);
        descriptor(3 * i + 1, (u64)blk_buffer(&disk, i), 4096, DESC_NEXT | DESC_WRITE, 3 * i + 2);
        descriptor(3 * i + 2, (u64)(disk.status + i), 1, DESC_WRITE, 0);
        q->avail->ring[i] = 3 * i;
    }
    virtio_reset(&disk.device);
    u64 start = tsc();
    for (u64 i = 0; i < toggles; i++) {
        q->avail->flags = 1;
        q->avail->idx = 4;
        q->used->idx = 0;
        start_with_reads();
        virtio_reset(&disk.device);
        served += q->used->idx;
        if (i % 1024 == 0) {                    // no late write, now and then
            memset(disk.buffers, 0x77, 4 * 4096);
            q->used->idx = 0x7777;
            delay_microseconds(1000);
            for (u32 at = 0; at < 4 * 4096; at++)
                if (disk.buffers[at] != 0x77 || q->used->idx != 0x7777) {
                    fail("memory was written after the reset had finished");
                    break;
                }
        }
    }
    print("case 21 resets %lu with reads in flight, %lu of them served, ms %lu\n", toggles, served, milliseconds_since(start));
    if (!served)
        fail("no read was served in between");
    examine("reset with requests in flight, again and again");
    for (u64 i = 0; i < toggles; i++)
        write8(COMMON + COMMON_STATUS, i & 1 ? 0 : STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    for (u64 i = 0; i < 512; i++)
        write8(COMMON + COMMON_STATUS, i / 2);
    examine("status toggled");
}
