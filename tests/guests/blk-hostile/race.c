// Case 12: vCPU 1 changes a request in a tight loop while the device looks at it. Whatever the device does has to be what one of the two
// versions asks for, as a whole: it reads each word once and then believes its copy.
#include "hostile.h"

#define OTHER (data + DATA_BYTES / 2)           // a second buffer
#define FIRST_SECTOR (disk.capacity - 1)        // those that are written
#define SECOND_SECTOR (disk.capacity - 2)
#define UNTOUCHED 0xcc

enum race {
    LENGTH = 1, GOOD_OR_BAD_ADDRESS, HUGE_LENGTH, NEXT, FLAGS, SECTOR, TYPE, TWO_ADDRESSES, TWO_STATUSES, TABLE_LENGTH, WRITE_ADDRESS, WRITE_SECTOR,
    RACES,
};

static const struct { const char *what; u32 allowed; } races[RACES] = {
    [LENGTH] = { "length 512 or 4096", OK },
    [GOOD_OR_BAD_ADDRESS] = { "address in RAM or not", OK | RESET },
    [HUGE_LENGTH] = { "length 512 or 2^32 - 1", OK | RESET },
    [NEXT] = { "next 2 or 65535", OK | RESET },
    [FLAGS] = { "NEXT or INDIRECT", OK | RESET },
    [SECTOR] = { "sector 8 or 2^64 - 1", OK | IOERR },
    [TYPE] = { "type IN or unknown", OK | UNSUPPORTED },
    [TWO_ADDRESSES] = { "one buffer or another", OK },
    [TWO_STATUSES] = { "one status byte or another", OK | NO_STATUS },
    [TABLE_LENGTH] = { "length 512 or 4096 in an indirect table", OK },
    [WRITE_ADDRESS] = { "a write from one buffer or another", OK },
    [WRITE_SECTOR] = { "a write to one sector or another", OK },
};

static volatile u32 racing;                     // 0: rest
static volatile bool flipping;

static void flipper(void)
{
    u64 bad = ram_top() + 0x100000000ul, i = 0;
    for (;; i++) {
        u32 race = racing;
        flipping = race;
        volatile struct descriptor *d = disk.queue.descriptors;
        volatile struct blk_header *h = header;
        bool odd = i & 1;
        switch (race) {
        case LENGTH: d[1].length = odd ? 512 : 4096; break;
        case GOOD_OR_BAD_ADDRESS: d[1].address = odd ? (u64)data : bad; break;
        case HUGE_LENGTH: d[1].length = odd ? 512 : 0xffffffff; break;
        case NEXT: d[1].next = odd ? 2 : 0xffff; break;
        case FLAGS: d[1].flags = odd ? DESC_NEXT | DESC_WRITE : DESC_INDIRECT | DESC_WRITE; break;
        case SECTOR: h->sector = odd ? 8 : ~0ul; break;
        case TYPE: h->type = odd ? BLK_IN : 0x1234; break;
        case TWO_ADDRESSES:
        case WRITE_ADDRESS: d[1].address = (u64)(odd ? data : OTHER); break;
        case TWO_STATUSES: d[2].address = (u64)status + odd; break;
        case TABLE_LENGTH: ((volatile struct descriptor *)table)[1].length = odd ? 512 : 4096; break;
        case WRITE_SECTOR: h->sector = odd ? FIRST_SECTOR : SECOND_SECTOR; break;
        default: pause();
        }
    }
}

static void rest(void)
{
    racing = 0;
    while (flipping)
        pause();
}

static bool all(const u8 *bytes, u32 count, u8 value)
{
    for (u32 i = 0; i < count; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static bool is_pattern(const u8 *bytes, u64 sector, u32 sectors) { return pattern_check((u64 *)bytes, sector, sectors, seed) < 0; }

static void prepare(enum race race)
{
    normal();
    status[1] = 0xee;
    memset(OTHER, UNTOUCHED, 4096);
    if (race == TABLE_LENGTH) {
        normal_table();
        indirect(48, 0);
    } else if (race == WRITE_ADDRESS || race == WRITE_SECTOR) {
        header->type = BLK_OUT;
        header->sector = FIRST_SECTOR;
        memset(data, 0x11, 512);
        memset(OTHER, 0x22, 512);
        descriptor(1, (u64)data, 512, DESC_NEXT, 2);
    }
}

static const u8 *sector_now(u64 sector)
{
    if (blk_request(&disk, BLK_IN, sector, 512) != BLK_OK)
        fail("a sector cannot be read back");
    return (u8 *)blk_buffer(&disk, 0);
}

static void mend(u64 sector)
{
    pattern_fill(blk_buffer(&disk, 0), sector, 1, seed);
    if (blk_request(&disk, BLK_OUT, sector, 512) != BLK_OK)
        fail("a sector cannot be written back");
}

// Which version of the request was served: 1 or 2, or 0 when it was none of them.
static u32 version(enum race race, enum outcome got)
{
    bool whole = used_length() == 513 && is_pattern(data, 8, 1);
    switch (race) {
    case LENGTH:
    case TABLE_LENGTH:
        if (used_length() == 513)
            return is_pattern(data, 8, 1) && all(data + 512, 4096 - 512, UNTOUCHED) ? 1 : 0;
        return used_length() == 4097 && is_pattern(data, 8, 8) ? 2 : 0;
    case TYPE:
        if (got == UNSUPPORTED)
            return all(data, 4096, UNTOUCHED) ? 2 : 0;
        return whole ? 1 : 0;
    case TWO_ADDRESSES:
        if (whole)
            return all(OTHER, 4096, UNTOUCHED) ? 1 : 0;
        return is_pattern(OTHER, 8, 1) && all(data, 4096, UNTOUCHED) ? 2 : 0;
    case TWO_STATUSES:
        if (!whole || (status[0] == BLK_OK) == (status[1] == BLK_OK))
            return 0;
        return status[0] == BLK_OK ? 1 : 2;
    case WRITE_ADDRESS: {
        const u8 *written = sector_now(FIRST_SECTOR);
        return all(written, 512, 0x11) ? 1 : all(written, 512, 0x22) ? 2 : 0;
    }
    case WRITE_SECTOR: {
        bool first = all(sector_now(FIRST_SECTOR), 512, 0x11), second = all(sector_now(SECOND_SECTOR), 512, 0x11);
        if (first)
            mend(FIRST_SECTOR);
        if (second)
            mend(SECOND_SECTOR);
        return first == second ? 0 : first ? 1 : 2;
    }
    default:
        if (got == OK)
            return whole ? 1 : 0;
        return all(data, 4096, UNTOUCHED) ? 2 : 0;
    }
}

static void run(enum race race)
{
    u32 counts[3] = { 0 };
    u64 milliseconds = option_number("ms", 250);
    // On a busy machine the two vCPUs may meet rarely: go on until both versions were seen.
    for (u64 start = tsc(); milliseconds_since(start) < milliseconds || (milliseconds_since(start) < 20000 && !(counts[1] && counts[2]));) {
        prepare(race);
        racing = race;
        go(0);
        enum outcome got = outcome(3000);
        rest();
        if (!(got & races[race].allowed)) {
            print("  outcome %u\n", got);
            fail("a request that is changed in flight ends in a way that neither version asks for"), fail(races[race].what);
        }
        u32 served = version(race, got);
        counts[served]++;
        if (got == RESET || got == SILENT)
            blk_reopen(&disk);
    }
    if (race >= WRITE_ADDRESS)
        mend(FIRST_SECTOR);
    print("  %s: %u, %u\n", races[race].what, counts[1], counts[2]);
    if (counts[0])
        fail("what was done is not what one reading of the request asks for"), fail(races[race].what);
    if (!counts[1] || !counts[2])
        fail("one of the two versions was never served"), fail(races[race].what);
    examine(races[race].what);
}

void case_12(void)
{
    static bool up;
    if (!up && !second_cpu_start(flipper)) {
        if (option_number("case", 0) == 12)
            fail("needs a second vCPU");
        return;
    }
    up = true;
    for (enum race race = LENGTH; race < RACES; race++)
        run(race);
}
