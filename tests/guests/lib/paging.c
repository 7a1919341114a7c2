#include "guest.h"

#define PRESENT_USER 0x07ul
#define LARGE_UNCACHED 0x9ful                   // present, writable, user, write-through, cache disabled, 2 MiB

#define WINDOW 0x100000000000ul                 // where devices beyond 4 GiB appear: their own address may not be canonical
#define STEP 0x200000ul

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
    static struct { u64 from, to, at; } known[32];
    static u32 count;
    static u64 next = WINDOW;
    if (physical + size <= 0x100000000ul)
        return (void *)physical;                // start.S has mapped it
    for (u32 i = 0; i < count; i++)
        if (physical >= known[i].from && physical + size <= known[i].to)
            return (void *)(known[i].at + physical - known[i].from);
    if (count == ARRAY_LENGTH(known))
        stop("too many mapped devices");
    u64 from = physical & ~(STEP - 1), to = (physical + size + STEP - 1) & ~(STEP - 1), at = next;
    for (u64 p = from; p != to; p += STEP, next += STEP) {
        u64 *directory = table_below(table_below(pml4, next >> 39 & 511), next >> 30 & 511);
        directory[next >> 21 & 511] = p | LARGE_UNCACHED;
    }
    known[count].from = from;
    known[count].to = to;
    known[count++].at = at;
    barrier();
    return (void *)(at + physical - from);
}
