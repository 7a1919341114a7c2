// Drives the example device docs/examples/edu: registers, a factorial with an interrupt, transfers both ways, its doorbell (also while the BAR moves), what it refuses, a function level reset.
// Option: ms=N rings for so long (default 0: 40 rings), with a factorial and the other registers looked at in between.
#include "lib/pci.h"

#define VENDOR 0x1234
#define DEVICE 0x11e9
#define VECTOR 0x21
#define PCI_CAP_AF 0x13
enum { IDENTIFICATION = 0, LIVENESS = 4, FACTORIAL = 8, STATUS = 0x20, ADDRESS = 0x80, OFFSET = 0x88, LENGTH = 0x8c, COMMAND = 0x90, DOORBELL = 0x98 };

static u64 at;

static bool done(u64 before)
{
    for (u64 start = tsc(); interrupts_seen(VECTOR) == before || read32(at + STATUS) & 1; pause())
        if (milliseconds_since(start) > 10000)
            return false;
    return true;
}

// Rings for the last command again, which is "buffer to guest", in another width each time: whether the bytes and the interrupt came.
static bool rung(const char *expected, char *to, u32 length, u32 turn)
{
    u64 before = interrupts_seen(VECTOR);
    memset(to, 0, length);
    switch (turn % 4) {
    case 0: write32(at + DOORBELL, turn); break;
    case 1: write8(at + DOORBELL, 0); break;
    case 2: write16(at + DOORBELL, 0xffff); break;
    case 3: write64(at + DOORBELL, 0); break;
    }
    return done(before) && !memcmp(expected, to, length) && read32(at + STATUS) == 0;
}

static u32 transfer(u64 address, u32 offset, u32 length, u32 command)
{
    u64 before = interrupts_seen(VECTOR);
    write64(at + ADDRESS, address);
    write32(at + OFFSET, offset);
    write32(at + LENGTH, length);
    write32(at + COMMAND, command);
    if (!done(before))
        stop("edu: no interrupt after a transfer");
    u32 failed = read32(at + STATUS) & 2;
    write32(at + STATUS, 2);
    return failed;
}

void main(void)
{
    struct pci_device device;
    traps_on();
    if (!pci_find(VENDOR, DEVICE, 0, &device))
        stop("edu: no such device");
    pci_write16(&device, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    at = (u64)map_device(pci_bar(&device, 0), PAGE);
    interrupt_vector(VECTOR);
    interrupts_enable();
    u8 cap = pci_capability(&device, PCI_CAP_MSIX, 0);
    u32 place = pci_read32(&device, cap + 4);
    u64 table = (u64)map_device(pci_bar(&device, place & 7) + (place & ~7u), 16);
    write32(table, 0xfee00000);
    write32(table + 4, 0);
    write32(table + 8, VECTOR);
    write32(table + 12, 0);
    pci_write16(&device, cap + 2, 0x8000);

    write32(at + LIVENESS, 0x12345678);
    bool ok = read32(at + IDENTIFICATION) == 0x010000ed && read32(at + LIVENESS) == ~0x12345678u;
    u64 before = interrupts_seen(VECTOR);
    write32(at + FACTORIAL, 10);
    ok &= done(before) && read32(at + FACTORIAL) == 3628800;
    print("edu factorial %u interrupts %lu\n", read32(at + FACTORIAL), interrupts_seen(VECTOR));

    char *from = allocate(PAGE, PAGE), *to = allocate(PAGE, PAGE);
    for (u32 i = 0; i < 256; i++)
        from[i] = i;
    ok &= !transfer((u64)from, 100, 256, 1) && !transfer((u64)to, 100, 256, 2) && !memcmp(from, to, 256);

    u64 home = at, elsewhere = 0xd0000000;
    u32 rings = 0, kept = 0;
    u64 first = tsc(), time = option_number("ms", 0);
    for (; (rings < 40 || milliseconds_since(first) < time) && rung(from, to, 256, rings); rings++) {
        if (rings % 10 != 9)
            continue;
        u64 seen = interrupts_seen(VECTOR);
        write32(at + FACTORIAL, rings / 10 % 10);
        if (!done(seen) || read32(at + OFFSET) != 100 || read32(at + LENGTH) != 256 || read32(at + LIVENESS) != ~0x12345678u)
            break;
        kept++;
        u64 place = at == home ? elsewhere : home;
        pci_bar_move(&device, 0, place);
        at = (u64)map_device(place, PAGE);
    }
    pci_write16(&device, PCI_COMMAND, PCI_COMMAND_MASTER);          // nobody hears it where no BAR is
    before = interrupts_seen(VECTOR);
    write32(at + DOORBELL, 1);
    pci_write16(&device, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    bool lone = rung(from, to, 256, 0) && interrupts_seen(VECTOR) == before + 1;
    ok &= rings >= 40 && milliseconds_since(first) >= time && kept == rings / 10 && lone;
    print("edu rings %u kept %u lone %u\n", rings, kept, lone);

    u32 refused = 0;
    refused += transfer((u64)from, 4096, 1, 1) != 0;                // past the buffer
    refused += transfer((u64)from, 0xffffffff, 2, 1) != 0;          // offset and length overflow
    refused += transfer(0xfffffffffffffff0ul, 0, 64, 1) != 0;       // the address wraps
    refused += transfer(ram_top(), 0, 64, 2) != 0;                  // past the RAM

    // What a ring costs, next to a register that the device answers. It hears as many as it can; the reset ends that.
    u64 start = tsc(), n = 2000;
    for (u64 i = 0; i < n; i++)
        write32(at + LIVENESS, i);
    u64 exits = tsc() - start;
    start = tsc();
    for (u64 i = 0; i < n; i++)
        write32(at + DOORBELL, i);
    print("edu cycles_per_write %lu cycles_per_ring %lu\n", exits / n, (tsc() - start) / n);
    u8 af = pci_capability(&device, PCI_CAP_AF, 0);
    pci_write8(&device, af + 4, 1);
    u32 gone = read32(at + LIVENESS);                               // decoding is off after a reset
    print("edu refused %u of 4 after_reset %x %s\n", refused, gone, ok && refused == 4 && gone == 0xffffffff ? "ok" : "FAILED");
    power_off();
}
