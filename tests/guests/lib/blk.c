#include "blk.h"

#define VIRTIO_BLK 2
#define WANTED (F_BLK_FLUSH | F_BLK_RO | F_BLK_BLK_SIZE | F_BLK_SEG_MAX | F_BLK_DISCARD | F_BLK_WRITE_ZEROES)

u64 blk_capacity(struct blk *b)
{
    u8 generation;
    u64 capacity;
    do {
        generation = read8(b->device.common + COMMON_GENERATION);
        capacity = read32(b->device.config) | (u64)read32(b->device.config + 4) << 32;
    } while (generation != read8(b->device.common + COMMON_GENERATION));
    return capacity;
}

bool blk_reopen(struct blk *b)
{
    u64 wanted = WANTED;
    if (option_number("indirect", 1))
        wanted |= F_INDIRECT_DESC;
    if (option_number("event", 1))
        wanted |= F_EVENT_IDX;
    if (!virtio_negotiate(&b->device, wanted)) {
        print("virtio-blk refuses features %lx of %lx\n", b->device.features, b->device.offered);
        return false;
    }
    b->capacity = blk_capacity(b);
    b->indirect = b->device.features & F_INDIRECT_DESC;
    if (!queue_open(&b->queue, &b->device, 0, 256, 0xffff)) {
        print("virtio-blk has no queue 0\n");
        return false;
    }
    u16 room = b->indirect ? b->queue.size : b->queue.size / 3;
    if (b->slots > room)
        b->slots = room;
    virtio_driver_ok(&b->device);
    return true;
}

bool blk_open(struct blk *b, u32 nth, u16 depth, u32 block)
{
    memset(b, 0, sizeof *b);
    if (!virtio_find(&b->device, VIRTIO_BLK, nth)) {
        print("no virtio-blk device %u\n", nth);
        return false;
    }
    b->slots = depth;
    b->block = block;
    b->headers = allocate(depth * sizeof *b->headers, PAGE);
    b->status = allocate(depth, 64);
    b->tables = allocate(depth * 3 * sizeof *b->tables, 64);
    b->buffers = allocate((u64)depth * block, PAGE);
    return blk_reopen(b);
}

void blk_prepare(struct blk *b, u16 slot, u32 type, u64 sector, u32 length)
{
    u16 first = b->indirect ? 0 : slot * 3;
    volatile struct descriptor *d = b->indirect ? b->tables + slot * 3 : b->queue.descriptors + first;
    b->headers[slot] = (struct blk_header){ .type = type, .sector = sector };
    b->status[slot] = 0xee;
    d[0].address = (u64)(b->headers + slot);
    d[0].length = sizeof(struct blk_header);
    d[0].flags = DESC_NEXT;
    d[0].next = length ? first + 1 : first + 2;
    d[1].address = (u64)blk_buffer(b, slot);
    d[1].length = length;
    d[1].flags = DESC_NEXT | (type == BLK_IN || type == BLK_GET_ID ? DESC_WRITE : 0);
    d[1].next = first + 2;
    d[2].address = (u64)(b->status + slot);
    d[2].length = 1;
    d[2].flags = DESC_WRITE;
    if (b->indirect) {
        volatile struct descriptor *r = b->queue.descriptors + slot;
        r->address = (u64)d;
        r->length = 3 * sizeof *d;
        r->flags = DESC_INDIRECT;
    }
    queue_add(&b->queue, b->indirect ? slot : first);
}

bool blk_take(struct blk *b, u16 *slot, u8 *status)
{
    u32 id, length;
    if (!queue_take(&b->queue, &id, &length))
        return false;
    *slot = b->indirect ? id : id / 3;
    if (*slot >= b->slots) {
        print("used element with head %u\n", id);
        stop("the device returned what was not given to it");
    }
    *status = b->status[*slot];
    return true;
}

int blk_request(struct blk *b, u32 type, u64 sector, u32 length)
{
    u16 slot;
    u8 status;
    blk_prepare(b, 0, type, sector, length);
    queue_publish(&b->queue);
    for (u64 start = tsc(); milliseconds_since(start) < 5000; pause())
        if (blk_take(b, &slot, &status))
            return status;
    return -1;
}
