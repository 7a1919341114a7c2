#include "guest.h"

#define PRESENT_USER 0x07ul
#define LARGE_UNCACHED 0x9ful                   // present, writable, user, write-through, cache disabled, 2 MiB

// Entries only ever go from absent to present, so nothing has to be flushed and ring 3 can do it all.
static u64 *table_below(u64 *table, u64 index)
{
    if (!(table[index] & 1))
        table[index] = (u64)allocate(PAGE, PAGE) | PRESENT_USER;
    return (u64 *)(table[index] & 0x000ffffffffff000ul);
}

void *map_device(u64 physical, u64 size)
{
    extern u64 pml4[];
    for (u64 at = physical & ~0x1ffffful; at < physical + size; at += 0x200000) {
        if (at < 0x100000000ul)
            continue;                           // start.S has mapped it
        u64 *directory = table_below(table_below(pml4, at >> 39 & 511), at >> 30 & 511);
        if (!(directory[at >> 21 & 511] & 1))
            directory[at >> 21 & 511] = at | LARGE_UNCACHED;
    }
    barrier();
    return (void *)physical;
}
