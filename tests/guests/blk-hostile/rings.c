// Cases 10 to 14 but 12: the rings themselves.
#include "hostile.h"

static void jump(u16 by)
{
    disk.queue.avail->idx += by;
    disk.queue.next_avail = disk.queue.published = disk.queue.avail->idx;
    fence();
    queue_ring(&disk.queue);
}

void case_10(void)                              // avail.idx jumps
{
    static const u16 by[] = { 0xffff, 0x8000, 0xfff0 };
    for (u32 i = 0; i < ARRAY_LENGTH(by); i++) {
        normal();
        jump(by[i]);
        expect("avail.idx jumps by 65535, 32768, 65520", RESET);
    }
    normal();
    jump(disk.queue.size + 1);
    expect("avail.idx jumps by queue_size + 1", RESET);
    if (!works())
        fail("a read before the index goes back");
    normal();
    jump(0xffff);
    expect("avail.idx goes back by one after a request", RESET);
}

void case_11(void)                              // one head twice in flight
{
    normal();
    for (u32 i = 0; i < 7; i++)
        queue_add(&disk.queue, 0);
    go(0);
    u32 served = 0;
    enum outcome got = OK;
    while (served < 8 && (got = outcome(2000)) == OK)
        served++;
    if (got != RESET && served != 8)
        fail("one head eight times in flight: neither served eight times nor refused");
    examine("one head eight times in flight");
}

// Starts queue 0 with rings at these addresses, puts a normal request there and rings. No outcome is asked for.
static void rings_at(const char *what, u64 descriptors, u64 driver, u64 device)
{
    struct virtio *v = &disk.device;
    u64 address[] = { descriptors, driver, device };
    virtio_negotiate(v, F_VERSION_1 | F_BLK_FLUSH);
    write16(v->common + COMMON_QUEUE_SELECT, 0);
    for (u32 i = 0; i < 3; i++) {
        write32(v->common + COMMON_QUEUE_DESC + 8 * i, address[i]);
        write32(v->common + COMMON_QUEUE_DESC + 8 * i + 4, address[i] >> 32);
    }
    normal();
    struct descriptor request[3];
    for (u32 i = 0; i < 3; i++)
        request[i] = disk.queue.descriptors[i];
    u64 top = ram_end() - PAGE;
    if (descriptors < top)
        memcpy((void *)descriptors, request, sizeof request);
    write16(v->common + COMMON_QUEUE_ENABLE, 1);
    virtio_driver_ok(v);
    if (driver < top) {
        ((struct avail *)driver)->ring[0] = 0;
        barrier();
        ((volatile struct avail *)driver)->idx = 1;
    }
    queue_ring(&disk.queue);
    delay_microseconds(100000);
    examine(what);
}

void case_13(void)                              // overlaps
{
    u64 d = (u64)allocate(16384, PAGE), a = d + 4096, u = d + 8192;
    rings_at("rings in order", d, a, u);
    rings_at("avail and used at one address", d, a, a);
    rings_at("descriptors and used at one address", d, a, d);
    rings_at("descriptors and avail at one address", d, d, u);
    rings_at("all three at one address", d, d, d);
    rings_at("used inside avail", d, a, a + 8);
    rings_at("rings across the end of RAM", ram_end() - 64, ram_end() - 4, ram_end() - 8);
    rings_at("rings after RAM", ram_top() + 0x100000000ul, ram_top() + 0x100010000ul, ram_top() + 0x100020000ul);
    rings_at("used ring in the hole", d, a, 0xd8000000ul);
    rings_at("rings in the device's own BAR", own_bar(), own_bar(), own_bar());
    rings_at("rings that wrap", ~0ul - 15, ~0ul - 1, ~0ul - 3);
    normal();
    descriptor(1, (u64)disk.queue.descriptors, 512, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect("a read into the descriptor table", ANY);
    normal();
    descriptor(1, (u64)disk.queue.avail, 512, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect("a read into the avail ring", ANY);
    normal();
    descriptor(1, (u64)disk.queue.used, 512, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect("a read into the used ring", ANY);
    normal();
    descriptor(2, (u64)&disk.queue.used->idx, 1, DESC_WRITE, 0);
    go(0);
    expect("the status byte in used.idx", ANY);
}

void case_14(void)                              // the driver writes the used ring
{
    struct queue *q = &disk.queue;
    if (!works())
        fail("a read before");
    memset((void *)q->used, 0x5a, 4 + 8 * q->size);
    normal();
    go(0);
    u64 start = tsc();
    while (q->used->idx == 0x5a5a && !(virtio_status(&disk.device) & STATUS_NEEDS_RESET) && milliseconds_since(start) < 2000)
        pause();
    if (q->used->idx != q->next_avail && !(virtio_status(&disk.device) & STATUS_NEEDS_RESET)) {
        print("  used.idx is %u\n", q->used->idx);
        fail("the device does not keep its own used index");
    }
    examine("the used ring overwritten by the driver");
    for (u32 i = 0; i < 200; i++) {             // again and again while requests are in flight
        normal();
        go(0);
        q->used->idx = i * 77;
        q->used->ring[0].id = 0xffff;
        q->used->flags = i;
    }
    delay_microseconds(20000);
    examine("the used ring overwritten in flight");
}
