// Drives the example device docs/examples/edu: registers, a factorial with an interrupt, transfers both ways, what it refuses, a function level reset.
#include "lib/pci.h"

#define VENDOR 0x1234
#define DEVICE 0x11e9
#define VECTOR 0x21
#define PCI_CAP_AF 0x13
enum { IDENTIFICATION = 0, LIVENESS = 4, FACTORIAL = 8, STATUS = 0x20, ADDRESS = 0x80, OFFSET = 0x88, LENGTH = 0x8c, COMMAND = 0x90 };

static u64 at;

static bool done(u64 before)
{
    for (u64 start = tsc(); interrupts_seen(VECTOR) == before || read32(at + STATUS) & 1; pause())
        if (milliseconds_since(start) > 10000)
            return false;
    return true;
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
    u32 refused = 0;
    refused += transfer((u64)from, 4096, 1, 1) != 0;                // past the buffer
    refused += transfer((u64)from, 0xffffffff, 2, 1) != 0;          // offset and length overflow
    refused += transfer(0xfffffffffffffff0ul, 0, 64, 1) != 0;       // the address wraps
    refused += transfer(ram_top(), 0, 64, 2) != 0;                  // past the RAM
    u8 af = pci_capability(&device, PCI_CAP_AF, 0);
    pci_write8(&device, af + 4, 1);
    u32 gone = read32(at + LIVENESS);                               // decoding is off after a reset
    print("edu refused %u of 4 after_reset %x %s\n", refused, gone, ok && refused == 4 && gone == 0xffffffff ? "ok" : "FAILED");
    power_off();
}
