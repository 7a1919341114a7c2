#include "net.h"

#define VIRTIO_NET 1

static u8 *at(u8 *memory, struct net *n, u16 index) { return memory + (u64)index * (n->room + 64); }

// The header ends where the frame's aligned words begin: 16 bytes of Ethernet header and kind stand before them.
static struct net_header *header(u8 *memory, struct net *n, u16 index) { return (void *)(at(memory, n, index) + 4); }
static struct frame *frame(u8 *memory, struct net *n, u16 index) { return (void *)(at(memory, n, index) + 4 + sizeof(struct net_header)); }

struct net_header *net_buffer(struct net *n, u16 buffer) { return header(n->buffers, n, buffer); }

void net_reset_slots(struct net *n)
{
    for (u16 i = 0; i < n->transmit.size; i++) {
        volatile struct descriptor *d = n->transmit.descriptors + i;
        d->address = (u64)header(n->slots, n, i);
        d->flags = 0;
    }
}

static bool open_net(struct net *n, u32 nth, u32 room, bool with_control, const u32 *lengths, u32 count)
{
    memset(n, 0, sizeof *n);
    if (!virtio_find(&n->device, VIRTIO_NET, nth)) {
        print("no virtio-net device %u\n", nth);
        return false;
    }
    u64 wanted = F_NET_MAC | F_NET_STATUS;
    if (option_number("mrg", 1))
        wanted |= F_NET_MRG_RXBUF;
    if (option_number("event", 1))
        wanted |= F_EVENT_IDX;
    if (with_control)
        wanted |= F_NET_CTRL_VQ | F_NET_MQ;
    u16 size = option_number("queue", 256);
    if (!virtio_negotiate(&n->device, wanted) || !queue_open(&n->receive, &n->device, 0, size, 0xffff) ||
        !queue_open(&n->transmit, &n->device, 1, size, 0xffff)) {
        print("virtio-net refuses features or queues\n");
        return false;
    }
    // Section 5.1.2: behind all pairs, of which there is one for a driver without MQ.
    u16 pairs = n->device.features & F_NET_MQ ? read16(n->device.config + 8) : 1;
    if (with_control && !queue_open(&n->control, &n->device, 2 * pairs, size, 0xffff)) {
        print("virtio-net has no control queue\n");
        return false;
    }
    for (u32 i = 0; i < sizeof n->mac; i++)
        n->mac[i] = read8(n->device.config + i);
    n->room = (room + 63) & ~63u;
    n->slots = allocate((u64)n->transmit.size * (n->room + 64), PAGE);
    n->buffers = allocate((u64)n->receive.size * (n->room + 64), PAGE);
    for (u16 i = 0; i < n->transmit.size; i++) {
        struct frame *f = frame(n->slots, n, i);
        memset(f->to, 0xff, sizeof f->to);
        memcpy(f->from, n->mac, sizeof f->from);
        f->type[0] = FRAME_TYPE_HIGH;
        f->type[1] = FRAME_TYPE_LOW;
        n->free[n->free_count++] = i;
    }
    net_reset_slots(n);
    for (u16 i = 0; i < n->receive.size; i++) {
        volatile struct descriptor *d = n->receive.descriptors + i;
        d->address = (u64)header(n->buffers, n, i);
        d->length = count ? lengths[i % count] : sizeof(struct net_header) + n->room;
        d->flags = DESC_WRITE;
        net_give(n, i);
    }
    virtio_driver_ok(&n->device);
    queue_publish(&n->receive);
    return true;
}

bool net_open(struct net *n, u32 nth, u32 room) { return open_net(n, nth, room, false, NULL, 0); }

bool net_open_oddly(struct net *n, u32 nth, u32 room, const u32 *lengths, u32 count)
{
    return open_net(n, nth, room, true, lengths, count);
}

struct frame *net_slot(struct net *n, u16 *slot)
{
    if (!n->free_count)
        return NULL;
    *slot = n->free[--n->free_count];
    return frame(n->slots, n, *slot);
}

void net_send(struct net *n, u16 slot, u32 size)
{
    n->transmit.descriptors[slot].length = sizeof(struct net_header) + size;
    queue_add(&n->transmit, slot);
}

void net_reclaim(struct net *n)
{
    u32 id, length;
    while (queue_take(&n->transmit, &id, &length)) {
        if (id >= n->transmit.size)
            stop("net: a used element that is no slot");
        n->free[n->free_count++] = id;
    }
}

struct frame *net_take(struct net *n, u32 *size, u16 *buffer)
{
    u32 id, length;
    if (!queue_take(&n->receive, &id, &length))
        return NULL;
    if (id >= n->receive.size || length < sizeof(struct net_header) || length > sizeof(struct net_header) + n->room)
        stop("net: a used element that is no frame");
    if (header(n->buffers, n, id)->buffers != 1)
        stop("net: a frame over several buffers, for which there is no need");
    *size = length - sizeof(struct net_header);
    *buffer = id;
    return frame(n->buffers, n, id);
}

void net_give(struct net *n, u16 buffer) { queue_add(&n->receive, buffer); }
