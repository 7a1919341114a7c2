// Ports and pages where nothing is, string instructions, the serial port's registers.
#include "machine.h"

static bool is_dangerous(u16 port)              // a read is fine anywhere; a write here would end or change the machine
{
    return (port >= 0x60 && port <= 0x64) || port == 0x92 || (port >= 0x70 && port <= 0x77) || (port >= 0x3f8 && port <= 0x3ff) ||
        (port >= 0x600 && port <= 0x67f) || (port >= 0xcf8 && port <= 0xcff) || port == 0x501 || port == 0xf4 || port == 0x402 ||
        port == 0xe9 || (port >= 0xb0 && port <= 0xb3) || (port >= 0x510 && port <= 0x51f) || (port >= 0x5f8 && port < 0x600) ||
        (port >= 0x20 && port <= 0x21) || (port >= 0xa0 && port <= 0xa1) || (port >= 0xc00 && port <= 0xeff);
}

void check_ports(void)                          // option step=N: every Nth port (17)
{
    u32 step = option_number("step", 17);
    u32 ones = 0, all = 0;
    for (u32 port = 0; port < 0x10000; port += step) {
        u8 b = inb(port);
        u16 w = inw(port);
        u32 l = inl(port);
        all++;
        ones += b == 0xff && w == 0xffff && l == 0xffffffff;
        if (is_dangerous(port) || is_dangerous(port + 1) || is_dangerous(port + 2) || is_dangerous(port + 3))
            continue;
        outb(port, 0xff);
        outw(port, 0xffff);
        outl(port, 0xffffffff);
    }
    print("  %u of %u ports read all ones\n", ones, all);
    static const u16 free[] = { 0x1234, 0x5678, 0x9abc, 0xffff };
    for (u32 i = 0; i < ARRAY_LENGTH(free); i++)
        if (inb(free[i]) != 0xff || inw(free[i]) != 0xffff || inl(free[i]) != 0xffffffff)
            wrong("an unused port does not read all ones", free[i], inl(free[i]));
}

static void unused_page(u64 at)
{
    if (read8(at + 1) != 0xff || read16(at + 2) != 0xffff || read32(at + 4) != 0xffffffff || read64(at + 8) != ~0ul)
        wrong("an unused page does not read all ones", at, read64(at));
    write8(at, 1);
    write16(at + 1, 1);
    write32(at + 3, 1);
    write64(at + 4, 1);
    read64(at + 0xffc);                         // across two pages
}

void check_pages(void)
{
    static const u64 unused[] = { 0xd5555000, 0xfd000000, 0xfe000000, 0xffe00000 };
    for (u32 i = 0; i < ARRAY_LENGTH(unused); i++)
        unused_page(unused[i]);
    for (u64 at = 0xc0000000ul; at < 0x100000000ul; at += 0x200000) // reads only: BARs lie here
        read32(at + 0x1ffc);
    u32 r[4];
    cpuid(0x80000008, 0, r);
    u32 bits = r[0] & 0xff;                     // ring 3 may see the host's; 46 is what the VMM's default goes up to
    u64 end = 1ul << (bits < 46 ? bits : 46), at[] = { ram_top() + 0x40000000ul, end / 2, end - 0x200000 };
    for (u32 i = 0; i < ARRAY_LENGTH(at); i++)
        if (at[i] > 0x100000000ul && at[i] < end)
            read64((u64)map_device(at[i], 0x1000));
}

void check_strings(void)
{
    static u8 buffer[8192];
    u64 count = 4096;
    void *p = buffer;
    asm volatile("rep insb" : "+D"(p), "+c"(count) : "d"((u16)0x1234) : "memory");
    for (u32 i = 0; i < sizeof buffer; i++)
        if (buffer[i] != (i < 4096 ? 0xff : 0)) {
            wrong("rep insb", i, buffer[i]);
            break;
        }
    count = 2000;
    p = buffer + 1;
    memset(buffer, 0, sizeof buffer);
    asm volatile("rep insl" : "+D"(p), "+c"(count) : "d"((u16)0x1234) : "memory");
    for (u32 i = 0; i < sizeof buffer; i++)
        if (buffer[i] != (i >= 1 && i < 8001 ? 0xff : 0)) {
            wrong("rep insl", i, buffer[i]);
            break;
        }
    count = 2000;
    p = buffer;
    asm volatile("rep outsw" : "+S"(p), "+c"(count) : "d"((u16)0x80) : "memory");
    count = 0;
    asm volatile("rep outsb" : "+S"(p), "+c"(count) : "d"((u16)0x80) : "memory");
    const char *text = "  by string output\n";  // must come out whole and in order
    count = 19;
    asm volatile("rep outsb" : "+S"(text), "+c"(count) : "d"((u16)0x3f8) : "memory");
}

void check_serial(void)                         // 16550: scratch and divisor latch; the line goes on working
{
    outb(0x3ff, 0x5a);
    if (inb(0x3ff) != 0x5a)
        wrong("the scratch register", 0x3ff, inb(0x3ff));
    u8 lcr = inb(0x3fb);
    outb(0x3fb, lcr | 0x80);
    outb(0x3f8, 0x01);
    outb(0x3f9, 0x00);
    if (inb(0x3f8) != 1 || inb(0x3f9) != 0)
        wrong("the divisor latch", 0x3f8, inb(0x3f8));
    outb(0x3fb, 0x03);
    if (!(inb(0x3fd) & 0x20))
        wrong("the transmitter is never empty", 0x3fd, inb(0x3fd));
    for (u16 port = 0x3f8; port < 0x400; port++) {
        inw(port);
        inl(port);
    }
}
