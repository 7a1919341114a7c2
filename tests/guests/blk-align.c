// Reads, writes and zeroes any sectors of the first disk with buffers cut and placed at random, several at a time beside each other,
// and checks every byte: what works at all must work in whatever alignment. At the end the disk holds the pattern of `seed` again.
// Options: reqs=N (3000), seed=S (1, of the image), rand=R (seed of the order). Prints what it did and "blk-align ... ok".
#include "lib/blk.h"
#include "lib/pattern.h"

enum { LANES = 4, MOST_SECTORS = 80, MOST_PIECES = 8, AREA = 2 * MOST_SECTORS * 512 + MOST_PIECES * 8192 };
enum { FRESH = 0, ZERO = 255 };                 // versions of a sector: the pattern of seed + version, or zeros

struct lane {
    u32 type;
    u64 sector;
    u32 sectors, pieces;
    u8 version;
    struct { u8 *at; u32 length; } piece[MOST_PIECES];
    struct blk_header *header;
    struct blk_range *range;
    volatile u8 *status;
    u8 *area;
    struct descriptor *table;
};

static struct blk disk;
static struct lane lanes[LANES];
static u8 *versions;                            // of each sector
static u64 seed, state, counts[16];
static u8 scratch[MOST_SECTORS * 512] __attribute__((aligned(8)));

static u64 below(u64 limit)                     // xorshift64*
{
    u64 x = state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state = x;
    return (x * 0x2545f4914f6cdd1dul >> 11) % limit;
}

static void expected(u64 sector, u32 sectors)
{
    for (u32 i = 0; i < sectors; i++)
        if (versions[sector + i] == ZERO)
            memset(scratch + i * 512, 0, 512);
        else
            pattern_fill((u64 *)(scratch + i * 512), sector + i, 1, seed + versions[sector + i]);
}

// Cuts the lane's buffer into pieces that are multiples of a grain long and lie at multiples of it.
static void cut(struct lane *l, u32 bytes)
{
    static const u32 grains[] = { 4096, 512, 512, 1 };
    u32 grain = grains[below(ARRAY_LENGTH(grains))];
    if (bytes % grain)
        grain = 512;
    u8 *at = l->area + below(4096 / grain) * grain;
    for (l->pieces = 0; bytes; l->pieces++) {
        u32 length = l->pieces == MOST_PIECES - 1 ? bytes : (below(bytes / grain) + 1) * grain;
        l->piece[l->pieces].at = at;
        l->piece[l->pieces].length = length;
        at += length + (below(2) ? grain : 0);
        bytes -= length;
    }
}

static void send(u16 head, struct lane *l)
{
    *l->header = (struct blk_header){ .type = l->type, .sector = l->type == BLK_IN || l->type == BLK_OUT ? l->sector : 0 };
    *l->status = 0xee;
    u32 n = 0;
    l->table[n++] = (struct descriptor){ (u64)l->header, sizeof *l->header, DESC_NEXT, 1 };
    if (l->type == BLK_IN || l->type == BLK_OUT)
        for (u32 i = 0; i < l->pieces; i++, n++)
            l->table[n] = (struct descriptor){ (u64)l->piece[i].at, l->piece[i].length, DESC_NEXT | (l->type == BLK_IN ? DESC_WRITE : 0), n + 1 };
    else {
        *l->range = (struct blk_range){ l->sector, l->sectors, 0 };
        l->table[n++] = (struct descriptor){ (u64)l->range, sizeof *l->range, DESC_NEXT, 2 };
    }
    l->table[n++] = (struct descriptor){ (u64)l->status, 1, DESC_WRITE, 0 };
    volatile struct descriptor *d = disk.queue.descriptors + head;
    d->address = (u64)l->table;
    d->length = n * sizeof *l->table;
    d->flags = DESC_INDIRECT;
    queue_add(&disk.queue, head);
}

static void prepare(struct lane *l, u64 sector, u32 sectors, u32 type, u8 version)
{
    l->type = type;
    l->sector = sector;
    l->sectors = sectors;
    l->version = version;
    cut(l, sectors * 512);
    if (type != BLK_OUT)
        return;
    memset(versions + sector, version, sectors);
    expected(sector, sectors);
    u32 done = 0;
    for (u32 i = 0; i < l->pieces; done += l->piece[i++].length)
        memcpy(l->piece[i].at, scratch + done, l->piece[i].length);
}

static bool is_right(struct lane *l)
{
    if (l->type == BLK_WRITE_ZEROES)
        memset(versions + l->sector, ZERO, l->sectors);
    counts[l->type]++;
    if (*l->status != BLK_OK) {
        print("type %u of %u sectors at %lu: status %u\n", l->type, l->sectors, l->sector, *l->status);
        return false;
    }
    if (l->type != BLK_IN)
        return true;
    expected(l->sector, l->sectors);
    u32 done = 0;
    for (u32 i = 0; i < l->pieces; done += l->piece[i++].length)
        if (memcmp(l->piece[i].at, scratch + done, l->piece[i].length)) {
            print("read of %u sectors at %lu: piece %u of %u, %u bytes at %lx, is wrong\n", l->sectors, l->sector, i, l->pieces, l->piece[i].length, (u64)l->piece[i].at);
            return false;
        }
    return true;
}

static bool finish(u32 sent)
{
    bool right = true;
    queue_publish(&disk.queue);
    u64 start = tsc();
    for (u32 done = 0; done < sent;) {
        u32 id, length;
        if (queue_take(&disk.queue, &id, &length)) {
            done++;
            right &= is_right(lanes + id);
        } else if (milliseconds_since(start) > 10000) {
            print("no answer\n");
            return false;
        }
    }
    return right;
}

void main(void)
{
    seed = option_number("seed", 1);
    state = option_number("rand", 12345) * 2 + 1;
    u64 rounds = option_number("reqs", 3000) / LANES;
    if (!blk_open(&disk, 0, LANES, 512) || !disk.indirect)
        stop("usage");
    bool zeroes = disk.device.features & F_BLK_WRITE_ZEROES;
    versions = allocate(disk.capacity, PAGE);
    for (u32 i = 0; i < LANES; i++)
        lanes[i] = (struct lane){ .header = allocate(64, 64), .range = allocate(64, 64), .status = allocate(64, 64), .area = allocate(AREA, PAGE),
            .table = allocate((MOST_PIECES + 2) * sizeof(struct descriptor), 64) };
    print("blk-align capacity %lu block %u\n", disk.capacity, read32(disk.device.config + 20));
    bool right = true;
    for (u64 round = 0; right && round < rounds; round++) {
        u64 at = below(disk.capacity - LANES * MOST_SECTORS); // one after the other, so that they meet in the same blocks
        bool tidy = below(2);
        if (tidy)
            at &= ~7ul;
        for (u32 i = 0; i < LANES; i++) {
            u32 sectors = below(below(8) ? 20 : MOST_SECTORS) + 1;
            if (tidy)
                sectors = (sectors + 7) & ~7u;
            u64 kind = below(16);
            u32 type = kind < 8 ? BLK_IN : kind < 14 || !zeroes ? BLK_OUT : BLK_WRITE_ZEROES;
            prepare(lanes + i, at, sectors, type, 1 + below(200));
            send(i, lanes + i);
            at += sectors;
        }
        right = finish(LANES);
    }
    if (right && zeroes) {                      // a hint, so only that it is taken
        prepare(lanes, 3, 2, BLK_DISCARD, 0);
        send(0, lanes);
        prepare(lanes + 1, 13, 31, BLK_DISCARD, 0);
        send(1, lanes + 1);
        right = finish(2);
    }
    for (u64 at = 0; right && at < disk.capacity;) { // the pattern again
        u32 sent = 0;
        for (; sent < LANES && at < disk.capacity; sent++) {
            u32 sectors = below(MOST_SECTORS) + 1;
            if (sectors > disk.capacity - at)
                sectors = disk.capacity - at;
            prepare(lanes + sent, at, sectors, BLK_OUT, FRESH);
            send(sent, lanes + sent);
            at += sectors;
        }
        right = finish(sent);
    }
    right = right && blk_request(&disk, BLK_FLUSH, 0, 0) == BLK_OK;
    print("blk-align reads %lu writes %lu zeroes %lu %s\n", counts[BLK_IN], counts[BLK_OUT], counts[BLK_WRITE_ZEROES], right ? "ok" : "FAILED");
    power_off();
}
