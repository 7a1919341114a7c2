// Abuses the first virtio-net (hostile case 31), then looks whether it still works: tests/peers/net-peer recv=200 acknowledges frames.
// Prints `case 31 NAME ok` or FAILED for each. Options: case=NAME for one of them; link=1 waits for the peer to delete the tap
// (net-peer delete=N) and looks for the end of the link.
#include "lib/net.h"

#define CONTROL_MQ 4
#define NET_CONFIG_STATUS 6
#define NET_CONFIG_PAIRS 8
#define GSO_TCP4 1
#define GSO_UDP 3
#define GSO_TCP6 4
#define GSO_ECN 0x80
#define CHECKSUM_WANTED 1

static struct net net;
static u64 number;                              // of the next data frame
static u8 *space;

// Hands a chain of pieces to a queue and waits until it comes back.
struct piece { u64 address; u32 length; bool write; };

static bool call(struct queue *q, const struct piece *pieces, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        q->descriptors[i].address = pieces[i].address;
        q->descriptors[i].length = pieces[i].length;
        q->descriptors[i].flags = (pieces[i].write ? DESC_WRITE : 0) | (i + 1 < count ? DESC_NEXT : 0);
        q->descriptors[i].next = i + 1;
    }
    queue_add(q, 0);
    queue_publish(q);
    u32 id, length;
    for (u64 start = tsc(); !queue_take(q, &id, &length); pause())
        if (milliseconds_since(start) > 5000) {
            print("a chain of %u pieces does not come back, status %x\n", count, virtio_status(&net.device));
            return false;
        }
    return true;
}

static bool send_pieces(const struct piece *pieces, u32 count) { return call(&net.transmit, pieces, count); }

// Numbered frames that the peer acknowledges.
static bool works(void)
{
    u64 acked = 0, goal = number + 20;
    while (number < goal) {
        u16 slot;
        struct frame *f = net_slot(&net, &slot);
        frame_fill(f, FRAME_DATA, number++, 200);
        net_send(&net, slot, 200);
    }
    queue_publish(&net.transmit);
    for (u64 start = tsc(); milliseconds_since(start) < 5000; pause()) {
        u32 size;
        u16 buffer;
        net_reclaim(&net);
        for (struct frame *f; (f = net_take(&net, &size, &buffer));) {
            if (f->kind == FRAME_ACK)
                acked = f->number;
            net_give(&net, buffer);
        }
        queue_publish(&net.receive);
        // The used ring may tell of the last slots later than the peer does.
        if (acked >= goal && net.free_count == net.transmit.size)
            return true;
    }
    print("frame %lu is not acknowledged (%lu is), status %x\n", goal, acked, virtio_status(&net.device));
    return false;
}

static void frame_of_another_type(u8 *at)       // which the peer does not look at
{
    memset(at, 0, sizeof(struct net_header));
    memset(at + 12, 0xff, 6);
    memcpy(at + 18, net.mac, 6);
    at[24] = 0x88;
    at[25] = 0xb6;
}

static bool lengths(void)
{
    static const u32 sizes[] = { 0, 1, 11, 12, 13, 25, 26, 27, 40, 65535 + 26, 65562, 70000, 1 << 20 };
    frame_of_another_type(space);
    for (u32 i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct piece p = { (u64)space, sizes[i], false };
        if (!send_pieces(&p, 1))
            return false;
    }
    return true;
}

static bool pieces(void)                        // header and frame in pieces of 1 to 13 bytes
{
    struct piece p[200];
    for (u32 cut = 1; cut <= 13; cut++) {
        u32 count = 0, at = 0;
        frame_of_another_type(space);
        for (; at < 12 + 100; at += cut)
            p[count++] = (struct piece){ (u64)space + at, cut, false };
        if (!send_pieces(p, count))
            return false;
    }
    return true;
}

static bool segmentation(void)                  // headers that make no sense
{
    static const u8 types[] = { 0, GSO_TCP4, GSO_UDP, GSO_TCP6, GSO_TCP4 | GSO_ECN, 2, 5, 0x7f, 0xff };
    static const u16 values[] = { 0, 1, 20, 54, 1448, 0x7fff, 0xffff };
    u32 tried = 0;
    frame_of_another_type(space);
    struct net_header *h = (void *)space;
    for (u32 t = 0; t < ARRAY_LENGTH(types); t++)
        for (u32 l = 0; l < ARRAY_LENGTH(values); l++)
            for (u32 s = 0; s < ARRAY_LENGTH(values); s++, tried++) {
                *h = (struct net_header){ .flags = tried & 1 ? CHECKSUM_WANTED : 0, .gso_type = types[t], .header_length = values[l],
                    .gso_size = values[s], .checksum_start = values[(l + s) % 7], .checksum_offset = values[(l * s) % 7] };
                struct piece p = { (u64)space, 12 + (tried % 3 ? 100 : 3000), false };
                if (!send_pieces(&p, 1))
                    return false;
            }
    return true;
}

// Receive buffers too small to be any, and such that a frame needs several: the device has to give the former back empty and to put frames
// over the latter (MRG_RXBUF).
static bool buffers(void)
{
    static const u32 lengths[] = { 5, 12, 13, 0, 40, 11, 12 };
    if (!net_open_oddly(&net, 0, 1536, lengths, ARRAY_LENGTH(lengths)) || !(net.device.features & F_NET_MRG_RXBUF))
        return false;
    for (u32 round = 0; round < 10; round++) {
        u16 slot;
        struct frame *f = net_slot(&net, &slot);
        frame_fill(f, FRAME_DATA, number++, 200);
        net_send(&net, slot, 200);
    }
    queue_publish(&net.transmit);
    u8 whole[256];
    struct frame *ack = (void *)(whole + 16);
    u32 have = 0, left = 0, id, length, refused = 0;
    for (u64 start = tsc(); milliseconds_since(start) < 5000;) {
        if (!queue_take(&net.receive, &id, &length)) {
            pause();
            continue;
        }
        u8 *part = (u8 *)net_buffer(&net, id);
        bool useless = lengths[id % ARRAY_LENGTH(lengths)] < 12;
        if (useless != !length) {
            print("a buffer of %u bytes came with %u\n", lengths[id % ARRAY_LENGTH(lengths)], length);
            return false;
        }
        refused += useless;
        if (length && !left) {
            have = 0;
            left = ((struct net_header *)part)->buffers;
        }
        if (length && have + length <= sizeof whole - 4) {
            memcpy(whole + 4 + have, part, length);
            have += length;
            left--;
        }
        net_give(&net, id);
        queue_publish(&net.receive);
        if (length && !left && have == 12 + FRAME_MIN && ack->kind == FRAME_ACK && ack->number == number)
            return refused && frame_check(ack, FRAME_MIN);
    }
    print("no acknowledgement of frame %lu came over small buffers\n", number);
    return false;
}

static bool command(u8 class, u8 what, u64 data, u32 length, u8 expected)
{
    u8 *c = space;
    c[0] = class;
    c[1] = what;
    memcpy(c + 2, &data, sizeof data);
    c[64] = 0xee;
    struct piece p[] = { { (u64)c, 2, false }, { (u64)c + 2, length, false }, { (u64)c + 64, 1, true } };
    if (!call(&net.control, p, 3))
        return false;
    if (c[64] != expected)
        print("command %u.%u of %u bytes: %u, expected %u\n", class, what, length, c[64], expected);
    return c[64] == expected;
}

static bool pairs(void)
{
    u32 most = read16(net.device.config + NET_CONFIG_PAIRS);
    bool mq = net.device.features & F_NET_MQ;
    return command(CONTROL_MQ, 0, most + 1, 2, 1) && command(CONTROL_MQ, 0, 0, 2, 1) && command(CONTROL_MQ, 0, 0xffff, 2, 1) &&
        command(CONTROL_MQ, 0, 1, 1, 1) && command(CONTROL_MQ, 0, most, 2, mq ? 0 : 1) && command(CONTROL_MQ, 0, 1, 2, mq ? 0 : 1);
}

static bool commands(void)
{
    for (u32 class = 0; class < 256; class += class < 8 ? 1 : 31)
        if (class != CONTROL_MQ && !command(class, 77, ~0ul, 8, 1))
            return false;
    return command(5, 0, ~0ul, 8, 1) && command(5, 0, 1ul << 1, 8, 1); // offloads that were not negotiated
}

static bool addresses(void)                     // frames from and to addresses that are nobody's, and a command to change the own one
{
    static const u8 odd[][6] = { { 0 }, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, { 0x01, 0x00, 0x5e, 0, 0, 1 }, { 0x02, 1, 2, 3, 4, 5 } };
    for (u32 from = 0; from < ARRAY_LENGTH(odd); from++)
        for (u32 to = 0; to < ARRAY_LENGTH(odd); to++) {
            frame_of_another_type(space);
            memcpy(space + 12, odd[to], 6);
            memcpy(space + 18, odd[from], 6);
            struct piece p = { (u64)space, 112, false };
            if (!send_pieces(&p, 1))
                return false;
        }
    // CTRL_MAC_ADDR was not offered: a table of addresses and the own address are not the driver's to set.
    return command(1, 0, ~0ul, 8, 1) && command(1, 1, 0x060504030201, 6, 1);
}

static bool configuration(void)                 // the address is not the driver's to change
{
    for (u32 i = 0; i < 12; i++)
        write8(net.device.config + i, 0xff);
    for (u32 i = 0; i < 6; i++)
        if (read8(net.device.config + i) != net.mac[i])
            return false;
    return true;
}

static void wait_for_the_links_end(void)
{
    u64 start = tsc();
    while (read16(net.device.config + NET_CONFIG_STATUS) & 1) {
        struct piece p = { (u64)space, 112, false };
        frame_of_another_type(space);
        if (milliseconds_since(start) > 10000 || !send_pieces(&p, 1)) {
            print("case 31 link FAILED\n");
            power_off();
        }
    }
    struct piece p = { (u64)space, 112, false };
    bool ok = send_pieces(&p, 1) && !(virtio_status(&net.device) & STATUS_NEEDS_RESET);
    print("case 31 link %s\n", ok ? "ok" : "FAILED");
    power_off();
}

void main(void)
{
    static const struct { const char *name; bool (*run)(void); } cases[] = {
        { "lengths", lengths }, { "pieces", pieces }, { "segmentation", segmentation }, { "buffers", buffers },
        { "pairs", pairs }, { "commands", commands }, { "addresses", addresses }, { "configuration", configuration },
    };
    traps_on();
    space = allocate(4 << 20, PAGE);
    if (!net_open_oddly(&net, 0, 1536, NULL, 0))
        stop("usage");
    if (!works())
        stop("net-hostile: no peer acknowledges frames");
    if (option_number("link", 0))
        wait_for_the_links_end();
    for (u32 i = 0; i < ARRAY_LENGTH(cases); i++) {
        if (option("case") && !option_is("case", cases[i].name))
            continue;
        // Each one with a device that is new: what the last one left behind is not its business.
        if (!net_open_oddly(&net, 0, 1536, NULL, 0))
            stop("net-hostile: the device cannot be opened again");
        bool ok = cases[i].run();
        if (cases[i].run == buffers)
            ok = ok && net_open_oddly(&net, 0, 1536, NULL, 0);
        net_reset_slots(&net);
        ok = ok && works() && !(virtio_status(&net.device) & STATUS_NEEDS_RESET);
        print("case 31 %s %s\n", cases[i].name, ok ? "ok" : "FAILED");
    }
    print("net-hostile done\n");
    power_off();
}
