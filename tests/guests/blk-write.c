// Writes numbered blocks (lib/sequence.h) round and round over the first disk; after every `flush` of them waits for all,
// flushes and says on the serial line up to which number everything is durable. Kill the VMM whenever you like, then run blk-verify.
// Options: reqs=N writes (4096; 0: for ever), qd=D (8), flush=K (32), span=BYTES (whole disk), seed=S (1), indirect=, event=.
#include "lib/blk.h"
#include "lib/sequence.h"

static struct blk disk;

static void wait_for_one(u64 *in_flight, u16 *slot)
{
    u8 status = 0;
    for (u64 start = tsc(); !blk_take(&disk, slot, &status); pause())
        if (milliseconds_since(start) > 20000)
            stop("blk-write: a request does not finish");
    if (status != BLK_OK) {
        print("blk-write ERROR status %u\n", status);
        power_off();
    }
    --*in_flight;
}

void main(void)
{
    u64 depth = option_number("qd", 8), writes = option_number("reqs", 4096), every = option_number("flush", 32);
    u64 seed = option_number("seed", 1), span = option_number("span", 0) / SEQUENCE_BLOCK;
    if (depth < 1 || depth > 256 || !every || !blk_open(&disk, 0, depth, SEQUENCE_BLOCK))
        stop("usage");
    u64 blocks = disk.capacity / 8;
    if (span && span < blocks)
        blocks = span;
    if (!(disk.device.features & F_BLK_FLUSH))
        print("blk-write: the device has no FLUSH\n");
    print("blk-write blocks %lu qd %u flush %lu\n", blocks, disk.slots, every);
    u16 free[256], slot;
    u64 free_count = 0, in_flight = 0;
    for (u16 i = 0; i < disk.slots; i++)
        free[free_count++] = i;
    for (u64 number = 1; !writes || number <= writes; number++) {
        if (!free_count) {
            wait_for_one(&in_flight, &slot);
            free[free_count++] = slot;
        }
        slot = free[--free_count];
        u64 block = (number - 1) % blocks;
        sequence_fill(blk_buffer(&disk, slot), block, number, seed);
        blk_prepare(&disk, slot, BLK_OUT, block * 8, SEQUENCE_BLOCK);
        queue_publish(&disk.queue);
        in_flight++;
        if (number % every && number != writes)
            continue;
        while (in_flight) {
            wait_for_one(&in_flight, &slot);
            free[free_count++] = slot;
        }
        if (blk_request(&disk, BLK_FLUSH, 0, 0) != BLK_OK)
            stop("blk-write: the flush failed");
        print("flushed %lu\n", number);
    }
    print("blk-write ok\n");
    power_off();
}
