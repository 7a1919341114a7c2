// A driver for the first pair of queues of a virtio-net device, polled: each transmit slot and receive buffer is one descriptor with
// header and frame in a row, made once.
#pragma once
#include "virtio.h"
#include "frames.h"

#define F_NET_CSUM (1ul << 0)
#define F_NET_GUEST_CSUM (1ul << 1)
#define F_NET_MTU (1ul << 3)
#define F_NET_MAC (1ul << 5)
#define F_NET_GUEST_TSO4 (1ul << 7)
#define F_NET_MRG_RXBUF (1ul << 15)
#define F_NET_STATUS (1ul << 16)
#define F_NET_CTRL_VQ (1ul << 17)
#define F_NET_MQ (1ul << 22)

struct net_header {
    u8 flags, gso_type;
    u16 header_length, gso_size, checksum_start, checksum_offset, buffers;
};

struct net {
    struct virtio device;
    struct queue receive, transmit, control;
    u8 mac[6];
    u32 room;                                   // bytes for a frame in each slot and buffer
    u8 *slots, *buffers;
    u16 free[32768];                            // transmit slots
    u32 free_count;
};

// Opens the nth device with buffers for frames of `room` bytes. Options mrg=0 and event=0 of the command line switch these
// features off, queue=N makes the queues shorter. Prints why and returns false when it cannot.
bool net_open(struct net *n, u32 nth, u32 room);
// The same with the control queue, and with receive buffers of these lengths, in turn, if there are any.
bool net_open_oddly(struct net *n, u32 nth, u32 room, const u32 *lengths, u32 count);
void net_reset_slots(struct net *n);            // after somebody else has used the transmit queue's descriptors

struct net_header *net_buffer(struct net *n, u16 buffer); // what a receive buffer begins with
struct frame *net_slot(struct net *n, u16 *slot); // a free slot's frame, NULL when there is none
void net_send(struct net *n, u16 slot, u32 size); // not yet published: queue_publish(&n->transmit)
void net_reclaim(struct net *n);                // takes slots back that the device has sent
struct frame *net_take(struct net *n, u32 *size, u16 *buffer); // the next frame that came, NULL when there is none
void net_give(struct net *n, u16 buffer);       // its buffer again, not yet published: queue_publish(&n->receive)
