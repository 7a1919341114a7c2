// Checks what blk-write left on the first disk: each block that belongs to a number up to `upto` must hold that number's data,
// or that of a later number (written, not yet acknowledged). Options: upto=N (required), span=, seed= as blk-write had them.
#include "lib/blk.h"
#include "lib/sequence.h"

static struct blk disk;

void main(void)
{
    u64 upto = option_number("upto", 0), seed = option_number("seed", 1), span = option_number("span", 0) / SEQUENCE_BLOCK;
    if (!blk_open(&disk, 0, 1, SEQUENCE_BLOCK))
        stop("usage");
    u64 blocks = disk.capacity / 8, lost = 0, later = 0, highest = 0;
    if (span && span < blocks)
        blocks = span;
    u64 owed = upto < blocks ? upto : blocks;
    for (u64 block = 0; block < owed; block++) {
        u64 least = block + 1 + (upto - block - 1) / blocks * blocks; // the last number up to `upto` of this block
        int status = blk_request(&disk, BLK_IN, block * 8, SEQUENCE_BLOCK);
        u64 number = status == BLK_OK ? sequence_check(blk_buffer(&disk, 0), block, seed) : 0;
        if (number > highest)
            highest = number;
        later += number > upto;
        if (number >= least && number % blocks == least % blocks)
            continue;
        if (lost++ < 5)
            print("blk-verify LOST block %lu status %d has number %lu, owed %lu\n", block, status, number, least);
    }
    print("blk-verify blocks %lu upto %lu highest %lu later %lu lost %lu %s\n", owed, upto, highest, later, lost, lost ? "FAILED" : "ok");
    power_off();
}
