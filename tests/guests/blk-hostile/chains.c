// Cases 1 to 9: descriptor chains.
#include "hostile.h"

void case_1(void)                               // chains that loop
{
    normal();
    descriptor(0, (u64)header, sizeof *header, DESC_NEXT, 0);
    go(0);
    expect("a descriptor that names itself", RESET);
    normal();
    descriptor(1, (u64)data, 512, DESC_NEXT | DESC_WRITE, 1);
    go(0);
    expect("a data descriptor that names itself", RESET);
    normal();
    descriptor(1, (u64)data, 0, DESC_NEXT | DESC_WRITE, 1);
    go(0);
    expect("an empty data descriptor that names itself", RESET);
    normal();
    descriptor(2, (u64)status, 1, DESC_NEXT | DESC_WRITE, 1);
    go(0);
    expect("the last descriptor names the second", RESET);
}

static void long_chain(u32 count, void (*put)(u32, u64, u32, u16, u16)) // header, count - 2 sectors, status
{
    put(0, (u64)header, sizeof *header, DESC_NEXT, 1);
    for (u32 i = 1; i < count - 1; i++)
        put(i, (u64)data + (i - 1) % 128 * 512, 512, DESC_NEXT | DESC_WRITE, i + 1);
    put(count - 1, (u64)status, 1, DESC_WRITE, 0);
}

static void put_in_ring(u32 i, u64 address, u32 length, u16 flags, u16 next) { descriptor(i, address, length, flags, next); }

void case_2(void)                               // chain length
{
    u16 size = disk.queue.size;
    normal();
    long_chain(size, put_in_ring);
    go(0);
    if (outcome(3000) != OK || pattern_check((u64 *)data, 8, size - 2 < 128 ? size - 2 : 128, seed) >= 0 ? size <= 130 : 0)
        fail("a chain of queue_size descriptors is not served");
    examine("a chain of queue_size descriptors");
    normal();
    long_chain(size, put_in_ring);
    descriptor(size - 1, (u64)status, 1, DESC_WRITE | DESC_NEXT, 0);
    go(0);
    expect("a chain that comes round after queue_size descriptors", RESET);
    normal_table();
    long_chain(size + 1, entry);
    indirect((size + 1) * 16, 0);
    go(0);
    expect("queue_size + 1 descriptors in a table", RESET | OK | IOERR);
}

void case_3(void)                               // next out of range
{
    static const u16 bad[] = { 0, 1, 0x8000, 0xffff };
    for (u32 i = 0; i < ARRAY_LENGTH(bad); i++) {
        normal();
        descriptor(1, (u64)data, 512, DESC_NEXT | DESC_WRITE, bad[i] < 2 ? disk.queue.size + bad[i] : bad[i]);
        go(0);
        expect("next beyond the queue", RESET);
    }
}

void case_4(void)                               // head out of range
{
    static const u16 bad[] = { 0, 1, 0x8000, 0xffff };
    for (u32 i = 0; i < ARRAY_LENGTH(bad); i++) {
        normal();
        go(bad[i] < 2 ? disk.queue.size + bad[i] : bad[i]);
        expect("a head beyond the queue", RESET);
    }
}

// The same bad range as header, data (read and written) and status.
static void in_each_role(const char *what, u64 address, u32 length, u32 allowed)
{
    normal();
    descriptor(1, address, length, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect(what, allowed);
    normal();
    header->type = BLK_OUT;
    header->sector = disk.capacity - 1;
    last_sector_at_risk = true;
    descriptor(1, address, length, DESC_NEXT, 2);
    go(0);
    expect(what, allowed);
    normal();
    descriptor(0, address, 16, DESC_NEXT, 1);
    go(0);
    expect(what, RESET | IOERR | UNSUPPORTED);
    normal();
    descriptor(2, address, 1, DESC_WRITE, 0);
    go(0);
    expect(what, RESET | NO_STATUS);
}

void case_5(void)                               // address + length wraps
{
    in_each_role("address + length is 2^64 + 3584", ~0ul - 511, 4096, RESET | IOERR);
    in_each_role("address + length is 2^64", 0xfffffffffffff000ul, 4096, RESET | IOERR);
    in_each_role("address 2^63", 1ul << 63, 512, RESET | IOERR);
}

void case_6(void)                               // not RAM, or not only RAM
{
    u64 top = ram_top(), low = ram_end();
    normal();
    descriptor(1, top - 512, 1024, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect("a buffer across the end of RAM", RESET | IOERR);
    normal();
    descriptor(1, low - 512, 1024, DESC_NEXT | DESC_WRITE, 2);
    go(0);
    expect("a buffer into the hole below 4 GiB", RESET | IOERR);
    in_each_role("a buffer after RAM", top + 0x100000000ul, 512, RESET | IOERR);
    in_each_role("a buffer in the hole", 0xbffff000ul >= low ? 0xbffff000ul : 0xd8000000ul, 512, RESET | IOERR);
    in_each_role("a buffer in the device's own BAR", own_bar(), 512, RESET | IOERR);
    in_each_role("a buffer at the LAPIC", 0xfee00000ul, 512, RESET | IOERR);
}

void case_7(void)                               // lengths that add up to 2^32 + 512
{
    u32 chunk = 64u << 20;
    u64 where = ram_end() - chunk;
    for (u32 write = 0; write < 2; write++) {
        normal_table();
        header->type = write ? BLK_OUT : BLK_IN;
        u16 flags = DESC_NEXT | (write ? 0 : DESC_WRITE);
        entry(0, (u64)header, sizeof *header, DESC_NEXT, 1);
        for (u16 i = 1; i <= 64; i++)
            entry(i, where, chunk, flags, i + 1);
        entry(65, (u64)data, 512, flags, 66);
        entry(66, (u64)status, 1, DESC_WRITE, 0);
        indirect(67 * 16, 0);
        go(0);
        expect(write ? "a write of 2^32 + 512 bytes" : "a read of 2^32 + 512 bytes", RESET | IOERR);
    }
}

void case_8(void)                               // length 0 and 0xffffffff in each role
{
    static const u32 lengths[] = { 0, 0xffffffff };
    for (u32 i = 0; i < 2; i++) {
        normal();
        descriptor(0, (u64)header, lengths[i], DESC_NEXT, 1);
        go(0);
        expect("header length 0 or 2^32 - 1", RESET | IOERR);
        normal();
        descriptor(1, (u64)data, lengths[i], DESC_NEXT | DESC_WRITE, 2);
        go(0);
        expect("data length 0 or 2^32 - 1", lengths[i] ? RESET | IOERR : RESET | IOERR | OK);
        normal();
        header->type = BLK_OUT;
        descriptor(1, (u64)data, lengths[i], DESC_NEXT, 2);
        go(0);
        expect("data length 0 or 2^32 - 1 of a write", lengths[i] ? RESET | IOERR : RESET | IOERR | OK);
        normal();
        descriptor(2, (u64)status, lengths[i], DESC_WRITE, 0);
        go(0);
        expect("status length 0 or 2^32 - 1", lengths[i] ? RESET | IOERR | NO_STATUS : RESET | NO_STATUS | IOERR);
    }
}

void case_9(void)                               // indirect tables
{
    normal_table();
    indirect(3 * 16, 0);
    go(0);
    if (outcome(3000) != OK)
        fail("a table in order is not served");
    examine("a table in order");
    normal_table();                             // 2.7.5.3.2: chained descriptors, then one table
    descriptor(0, (u64)header, sizeof *header, DESC_NEXT, 1);
    descriptor(1, (u64)(table + 1), 2 * 16, DESC_INDIRECT, 0);
    entry(1, (u64)data, 512, DESC_NEXT | DESC_WRITE, 1);
    go(0);
    if (outcome(3000) != OK)
        fail("a table after a normal descriptor is not served");
    examine("a table after a normal descriptor");
    normal_table();
    entry(1, (u64)(table + 8), 32, DESC_INDIRECT, 0);
    entry(8, (u64)data, 512, DESC_NEXT | DESC_WRITE, 1);
    entry(9, (u64)status, 1, DESC_WRITE, 0);
    indirect(3 * 16, 0);
    go(0);
    expect("a table in a table", RESET);
    static const u32 odd[] = { 1, 15, 17, 40, 47, 0xffffffff };
    for (u32 i = 0; i < ARRAY_LENGTH(odd); i++) {
        normal_table();
        indirect(odd[i], 0);
        go(0);
        expect("a table length that is no multiple of 16", RESET);
    }
    normal_table();
    indirect(0, 0);
    go(0);
    expect("an empty table", RESET);
    normal_table();
    for (u32 i = 1; i < 40000; i++)
        entry(i, (u64)data, 0, DESC_NEXT | DESC_WRITE, i + 1);
    entry(40000, (u64)status, 1, DESC_WRITE, 0);
    indirect(40001 * 16, 0);
    go(0);
    expect("a table of 40001 chained entries", RESET);
    normal_table();
    descriptor(0, ram_top() + 0x100000000ul, 3 * 16, DESC_INDIRECT, 0);
    go(0);
    expect("a table after RAM", RESET);
    normal_table();
    descriptor(0, ~0ul - 15, 3 * 16, DESC_INDIRECT, 0);
    go(0);
    expect("a table that wraps", RESET);
    normal_table();
    indirect(3 * 16, DESC_NEXT);
    descriptor(1, (u64)status, 1, DESC_WRITE, 0);
    go(0);
    expect("INDIRECT and NEXT together", RESET);
    normal_table();
    entry(1, (u64)data, 512, DESC_NEXT | DESC_WRITE, 3);
    indirect(3 * 16, 0);
    go(0);
    expect("next beyond the table", RESET);
    normal_table();
    entry(1, (u64)data, 512, DESC_NEXT | DESC_WRITE, 0);
    indirect(3 * 16, 0);
    go(0);
    expect("a loop in the table", RESET);
    restart(F_INDIRECT_DESC);
    normal_table();
    indirect(3 * 16, 0);
    go(0);
    expect("a table without the feature", RESET);
}
