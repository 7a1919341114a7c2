// Memory map, ACPI tables, processors, clock: what the VMM describes is there.
#include "machine.h"

void check_memory(void)
{
    const struct start_info *info = start_info();
    const struct memmap_entry *e = (void *)info->memmap_address;
    u64 total = 0;
    if (info->magic != START_INFO_MAGIC)
        wrong("start_info magic", (u64)info, info->magic);
    for (u32 i = 0; i < info->memmap_entries; i++) {
        if (option_number("list", 0))
            print("  %lx + %lx type %u\n", e[i].address, e[i].size, e[i].type);
        if (e[i].type != MEMMAP_RAM)
            continue;
        total += e[i].size;
        if (e[i].address < 0x100000000ul && e[i].address + e[i].size > 0xc0000000ul)
            wrong("RAM in the hole", e[i].address, e[i].size);
        // The first MiB holds what the loader put there; further up the last pages are ours.
        volatile u64 *last = map_device(e[i].address + e[i].size - 8, 8);
        u64 was = *last;
        *last = 0x5a5a123456789abcul;
        if (*last != 0x5a5a123456789abcul)
            wrong("RAM does not hold a value", (u64)last, *last);
        *last = was;
    }
    print("  ram %lu MiB in %u ranges\n", total >> 20, info->memmap_entries);
    u64 expected = option_number("mib", 0);
    if (expected && (total >> 20) + 1 < expected)
        wrong("less RAM than expected, MiB", expected, total >> 20);
}

static bool sums_to_zero(const u8 *p, u32 length)
{
    u8 sum = 0;
    while (length--)
        sum += *p++;
    return !sum;
}

static bool readable(u64 address)               // in RAM, so that a bad pointer does not end in a trap
{
    return address && address < ram_top();
}

static void list_table(u64 at)
{
    if (!readable(at)) {
        wrong("a table's address", at, 0);
        return;
    }
    const u8 *t = (u8 *)at;
    u32 length = *(u32 *)(t + 4);
    print("  %c%c%c%c", t[0], t[1], t[2], t[3]);
    if (length < 36 || length > 0x100000 || !sums_to_zero(t, length))
        wrong("a table's checksum or length", at, length);
}

void check_acpi(void)
{
    u64 rsdp = start_info()->rsdp_address;
    if (!readable(rsdp) || memcmp((void *)rsdp, "RSD PTR ", 8) || !sums_to_zero((u8 *)rsdp, 20)) {
        wrong("RSDP", rsdp, 0);
        return;
    }
    if (((u8 *)rsdp)[15] < 2) {
        print("  ACPI 1.0 tables only\n");
        return;
    }
    u64 xsdt;
    if (!sums_to_zero((u8 *)rsdp, 36))
        wrong("the checksum of the RSDP", rsdp, 0);
    memcpy(&xsdt, (u8 *)rsdp + 24, 8);
    list_table(xsdt);
    if (!readable(xsdt))
        return;
    u32 entries = (*(u32 *)(xsdt + 4) - 36) / 8;
    for (u32 i = 0; i < entries && i < 64; i++) {
        u64 table, dsdt;
        memcpy(&table, (u8 *)xsdt + 36 + 8 * i, 8);
        list_table(table);
        if (readable(table) && !memcmp((void *)table, "FACP", 4)) {
            memcpy(&dsdt, (u8 *)table + 140, 8);
            list_table(dsdt);
        }
    }
    print("\n");
}

static volatile u64 second_counter;

static void second(void)
{
    for (;;) {
        second_counter++;
        outb(0x80, 0);
    }
}

static u32 leaf[4];

static u64 cpuid_in_ring0(u64 number)           // in ring 3 a KVM without hardware help lets the host's own CPUID through
{
    cpuid(number, 0, leaf);
    return 0;
}

void check_cpus(void)
{
    ring0_call(cpuid_in_ring0, 0x80000008);
    u32 bits = leaf[0] & 0xff;
    ring0_call(cpuid_in_ring0, 1);
    print("  apic id %u, logical %u, x2apic %u, physical bits %u\n", leaf[1] >> 24, leaf[1] >> 16 & 0xff, leaf[2] >> 21 & 1, bits);
    if (leaf[1] >> 24 != 0)
        wrong("APIC id of the first vCPU", 1, leaf[1] >> 24);
    if (!(leaf[2] >> 31))
        wrong("CPUID does not show a hypervisor", 1, leaf[2]);
    ring0_call(cpuid_in_ring0, 0x40000000);
    if (leaf[1] != 0x4b4d564b)
        wrong("the hypervisor's name", 0x40000000, leaf[1]);
    if (option_number("cpus", 1) < 2)
        return;
    if (!second_cpu_start(second)) {
        wrong("the second vCPU does not start", 1, 0);
        return;
    }
    u64 before = second_counter;                // both leave for the VMM at once
    for (u32 i = 0; i < 500; i++)
        inb(0x80);
    if (second_counter == before)
        wrong("the second vCPU stands still", 1, before);
}

void check_clock(void)
{
    u64 khz = tsc_khz();
    u32 a = inl(0x608), b = a;
    for (u32 i = 0; i < 1000 && a == b; i++)
        b = inl(0x608);
    if (a == b)
        wrong("the PM timer stands still", 0x608, a);
    print("  tsc %lu kHz\n", khz);
    u8 t[7];
    static const u8 index[] = { 0, 2, 4, 6, 7, 8, 9 };
    for (u32 i = 0; i < 7; i++) {
        outb(0x70, index[i]);
        t[i] = inb(0x71);
    }
    print("  rtc %02x-%02x-%02x %02x:%02x:%02x\n", t[6], t[5], t[4], t[2], t[1], t[0]);
    if (t[5] < 1 || t[5] > 0x12 || t[4] < 1 || t[4] > 0x31)
        wrong("the RTC's date", t[5], t[4]);
}
