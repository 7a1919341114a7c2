#include "guest.h"
#include "startinfo.h"

void *memcpy(void *to, const void *from, u64 n)
{
    void *result = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    return result;
}

void *memset(void *to, int value, u64 n)
{
    void *result = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
    return result;
}

int memcmp(const void *a, const void *b, u64 n)
{
    const u8 *x = a, *y = b;
    for (u64 i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (u8)*a - (u8)*b;
}

static u64 highest_end(u64 containing)
{
    const struct start_info *info = start_info();
    const struct memmap_entry *entry = (void *)info->memmap_address;
    u64 end = 0;
    for (u32 i = 0; i < info->memmap_entries; i++) {
        u64 e = entry[i].address + entry[i].size;
        if (entry[i].type != MEMMAP_RAM || (containing && (containing < entry[i].address || containing >= e)))
            continue;
        if (e > end)
            end = e;
    }
    return end;
}

u64 ram_end(void) { return highest_end(0x100000); }
u64 ram_top(void) { return highest_end(0); }

void *allocate(u64 size, u64 alignment)
{
    extern char end[];                          // made by the linker: after .bss
    static u64 next, limit;
    if (!next) {
        next = (u64)end;
        limit = ram_end();
        if (limit > 0xc0000000)
            limit = 0xc0000000;
    }
    u64 at = (next + alignment - 1) & ~(alignment - 1);
    if (at + size < at || at + size > limit)
        stop("out of guest memory");
    next = at + size;
    return memset((void *)at, 0, size);
}
