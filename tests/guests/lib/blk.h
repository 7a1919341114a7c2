// virtio-blk requests in slots: each slot has its header, status byte, buffer and descriptors made once; submitting one
// changes type and sector only. With INDIRECT_DESC a slot is one ring descriptor, else three.
#pragma once
#include "virtio.h"

enum { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4, BLK_GET_ID = 8, BLK_DISCARD = 11, BLK_WRITE_ZEROES = 13 };
enum { BLK_OK = 0, BLK_IOERR = 1, BLK_UNSUPPORTED = 2 };
#define F_BLK_SIZE_MAX (1ul << 1)
#define F_BLK_SEG_MAX (1ul << 2)
#define F_BLK_RO (1ul << 5)
#define F_BLK_BLK_SIZE (1ul << 6)
#define F_BLK_FLUSH (1ul << 9)
#define F_BLK_TOPOLOGY (1ul << 10)
#define F_BLK_CONFIG_WCE (1ul << 11)
#define F_BLK_MQ (1ul << 12)
#define F_BLK_DISCARD (1ul << 13)
#define F_BLK_WRITE_ZEROES (1ul << 14)

struct blk_header { u32 type, reserved; u64 sector; };
struct blk_range { u64 sector; u32 count, flags; };

struct blk {
    struct virtio device;
    struct queue queue;
    u64 capacity;                               // sectors
    u16 slots;
    u32 block;                                  // bytes in each slot's buffer
    bool indirect;
    struct blk_header *headers;
    volatile u8 *status;                        // one byte a slot
    u8 *buffers;
    struct descriptor *tables;                  // three a slot, with INDIRECT_DESC
};

// Opens the nth disk with room for `depth` requests of `block` bytes in flight. Options indirect=0 and event=0 of the command
// line switch these features off. Prints why and returns false when it cannot.
bool blk_open(struct blk *b, u32 nth, u16 depth, u32 block);
bool blk_reopen(struct blk *b);                 // resets the device and starts it again with the same memory
u64 blk_capacity(struct blk *b);                // read under the generation counter
static inline u64 *blk_buffer(struct blk *b, u16 slot) { return (u64 *)(b->buffers + (u64)slot * b->block); }

void blk_prepare(struct blk *b, u16 slot, u32 type, u64 sector, u32 length); // not yet published: queue_publish(&b->queue)
bool blk_take(struct blk *b, u16 *slot, u8 *status);            // a finished request
int blk_request(struct blk *b, u32 type, u64 sector, u32 length); // slot 0, alone, waits: its status or -1 after 5 s
