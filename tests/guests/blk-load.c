// Reads and writes of mixed sizes at random places of the first disk, many in flight, every block checked: each carries the number of the write
// that made it (lib/sequence.h), and a read has to give the last one that was acknowledged. A request that comes back twice, never, or with anything
// else is told. Also measures how long the disk answers nothing while it owes answers. Goes on until the disk's first word, which the host writes, is
// not 0; then reads everything back. Says every 200 ms how it stands.
// Options: qd=D (64), seed=S (1), event=, indirect=.
#include "lib/blk.h"
#include "lib/sequence.h"

enum { MAX_BLOCKS = 16, MAX_GAPS = 512, GAP_MICROSECONDS = 500, REPORT_MILLISECONDS = 200, PATIENCE_MILLISECONDS = 30000 };

static struct blk disk;
static u64 *written;                            // per block: the number of the last acknowledged write
static u8 *busy;                                // per block: a request on it is in flight
static struct { u64 block, number; u32 blocks, type; bool in_flight; } slots[256];
static u64 blocks, seed, state, numbers, done, errors, repeated, reads, writes;
static u64 gaps[MAX_GAPS], gap_count;

static u64 next_random(void)                    // xorshift64*
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dul;
}

static void wrong(const char *what, u64 block, u64 seen, u64 owed)
{
    if (errors++ < 10)
        print("blk-load ERROR %s block %lu has %lu owed %lu\n", what, block, seen, owed);
}

// A free range, marked busy. Block 0 is the host's.
static u64 choose(u32 *count)
{
    for (;;) {
        u64 r = next_random();
        u32 n = r % 4 ? 1 + (r >> 8) % MAX_BLOCKS : 1;
        u64 first = 1 + (r >> 20) % (blocks - n), i = 0;
        while (i < n && !busy[first + i])
            i++;
        if (i < n)
            continue;
        memset(busy + first, 1, n);
        *count = n;
        return first;
    }
}

static void submit(u16 slot)
{
    u64 r = next_random();
    slots[slot].type = r % 64 == 0 ? BLK_FLUSH : r % 2 ? BLK_OUT : BLK_IN;
    slots[slot].blocks = 0;
    slots[slot].block = 0;
    if (slots[slot].type != BLK_FLUSH)
        slots[slot].block = choose(&slots[slot].blocks);
    slots[slot].number = numbers + 1;
    slots[slot].in_flight = true;
    if (slots[slot].type == BLK_OUT)
        for (u32 i = 0; i < slots[slot].blocks; i++)
            sequence_fill(blk_buffer(&disk, slot) + i * SEQUENCE_BLOCK / 8, slots[slot].block + i, ++numbers, seed);
    blk_prepare(&disk, slot, slots[slot].type, slots[slot].block * 8, slots[slot].blocks * SEQUENCE_BLOCK);
}

static void finish(u16 slot, u8 status)
{
    if (!slots[slot].in_flight) {
        repeated++;
        wrong("returned twice", slots[slot].block, slot, 0);
        return;
    }
    slots[slot].in_flight = false;
    done++;
    if (status != BLK_OK)
        wrong("status", slots[slot].block, status, BLK_OK);
    for (u32 i = 0; i < slots[slot].blocks; i++) {
        u64 block = slots[slot].block + i;
        busy[block] = 0;
        if (slots[slot].type == BLK_OUT) {
            written[block] = slots[slot].number + i;
        } else {
            u64 *words = blk_buffer(&disk, slot) + i * SEQUENCE_BLOCK / 8;
            u64 number = sequence_check(words, block, seed);
            if (number != written[block] || (!number && words[1]))
                wrong("read", block, number, written[block]);
        }
    }
    reads += slots[slot].type == BLK_IN;
    writes += slots[slot].type == BLK_OUT;
}

static void note_gap(u64 microseconds)
{
    if (microseconds < GAP_MICROSECONDS)
        return;
    u64 at = gap_count < MAX_GAPS ? gap_count++ : 0;
    if (gap_count == MAX_GAPS)
        for (u64 i = 1; i < MAX_GAPS; i++)      // full: the smallest goes
            if (gaps[i] < gaps[at])
                at = i;
    if (gaps[at] < microseconds)
        gaps[at] = microseconds;
}

// The nth largest gap, from 0.
static u64 gap_of(u64 n)
{
    u64 larger, best = 0;
    for (u64 i = 0; i < gap_count; i++) {
        larger = 0;
        for (u64 j = 0; j < gap_count; j++)
            larger += gaps[j] > gaps[i] || (gaps[j] == gaps[i] && j < i);
        if (larger == n)
            best = gaps[i];
    }
    return best;
}

static void report(const char *state_now)
{
    print("blk-load %s done %lu reads %lu writes %lu errors %lu repeated %lu gaps %lu max %lu second %lu fiftieth %lu us\n", state_now, done, reads, writes,
          errors, repeated, gap_count, gap_of(0), gap_of(1), gap_of(49));
}

void main(void)
{
    u64 depth = option_number("qd", 64);
    seed = option_number("seed", 1);
    state = seed * 2 + 0x1234567;
    if (depth < 1 || depth > 256 || !blk_open(&disk, 0, depth, MAX_BLOCKS * SEQUENCE_BLOCK))
        stop("usage");
    blocks = disk.capacity / 8;
    if (blocks < 4 * MAX_BLOCKS * depth)
        stop("the disk is too small for that many requests");
    written = allocate(blocks * sizeof *written, PAGE);
    busy = allocate(blocks, PAGE);
    u64 khz = tsc_khz(), in_flight = 0;
    if (!khz)
        stop("no clock");
    print("blk-load blocks %lu qd %u event_idx %u\n", blocks, disk.slots, disk.queue.event_idx);
    for (u16 slot = 0; slot < disk.slots; slot++, in_flight++)
        submit(slot);
    queue_publish(&disk.queue);
    u64 last = tsc(), reported = last;
    bool stopping = false;
    while (in_flight) {
        u16 slot;
        u8 status;
        bool any = false;
        u64 now = tsc();
        while (blk_take(&disk, &slot, &status)) {
            if (!any)
                note_gap((now - last) * 1000 / khz);
            any = true;
            finish(slot, status);
            in_flight--;
            if (!stopping) {
                submit(slot);
                in_flight++;
            }
        }
        if (any) {
            queue_publish(&disk.queue);
            last = tsc();
        } else if (now - last > PATIENCE_MILLISECONDS * khz) {
            report("LOST");
            power_off();
        }
        if (stopping || now - reported < REPORT_MILLISECONDS * khz)
            continue;
        // Nothing new is submitted while this looks, and gaps are not counted.
        while (in_flight) {
            for (u64 start = tsc(); !blk_take(&disk, &slot, &status); pause())
                if (milliseconds_since(start) > PATIENCE_MILLISECONDS) {
                    report("LOST");
                    power_off();
                }
            finish(slot, status);
            in_flight--;
        }
        report("running");
        while (blk_request(&disk, BLK_IN, 0, SEQUENCE_BLOCK) != BLK_OK)
            wrong("status", 0, 0, 0);
        stopping = *blk_buffer(&disk, 0) != 0;
        for (slot = 0; slot < disk.slots && !stopping; slot++, in_flight++)
            submit(slot);
        queue_publish(&disk.queue);
        last = reported = tsc();
    }
    u64 lost = 0;
    for (u64 block = 1; block < blocks; block++) {
        int answer = blk_request(&disk, BLK_IN, block * 8, SEQUENCE_BLOCK);
        u64 number = answer == BLK_OK ? sequence_check(blk_buffer(&disk, 0), block, seed) : ~0ul;
        lost += number != written[block];
        if (number != written[block])
            wrong("at the end", block, number, written[block]);
    }
    report("at last");
    print("blk-load verified %lu lost %lu %s\n", blocks - 1, lost, errors || lost ? "FAILED" : "ok");
    power_off();
}
