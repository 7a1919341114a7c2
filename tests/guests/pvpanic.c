// Looks at the pvpanic device and reports events by it. Options: events=LIST of numbers parted by commas (1,2), times=N (1: each so often).
#include "lib/pci.h"

#define QEMU 0x1b36
#define PVPANIC 0x0011

// Reads of every width at every offset of the 16 bytes that the BAR decodes: two bytes are the device's, the rest is nobody's.
static bool widths(u64 at)
{
    bool ok = true;
    for (u64 o = 0; o < 16; o++) {
        u8 first = o == 0 ? 3 : o == 1 ? 0 : 0xff, second = o + 1 == 1 ? 0 : 0xff;
        ok &= read8(at + o) == first;
        if (o < 15)
            ok &= read16(at + o) == (first | second << 8);
        if (o < 13)
            ok &= (read32(at + o) >> 16) == 0xffff && (u16)read32(at + o) == (first | second << 8);
        if (o < 9)
            ok &= (read64(at + o) >> 16) == 0xfffffffffffful;
    }
    return ok;
}

void main(void)
{
    struct pci_device device;
    if (!pci_find(QEMU, PVPANIC, 0, &device))
        stop("pvpanic: no device");
    u64 bar = pci_bar(&device, 0), size = pci_bar_size(&device, 0);
    u32 class = pci_read32(&device, 8);
    u64 at = (u64)map_device(bar, PAGE);
    u8 events = read8(at);
    bool wide = widths(at);
    const char *list = option("events");
    u64 times = option_number("times", 1), reports = 0, start = tsc();
    for (const char *c = list ? list : "1,2"; *c && *c != ' '; c++) {
        if (*c < '0' || *c > '9')
            continue;
        for (u64 i = 0; i < times; i++, reports++)
            write8(at, *c - '0');
    }
    bool ok = class == 0x08800001 && size == 16 && events == 3 && wide && (list || read8(at) == 3);
    print("pvpanic class %08x size %lu events %u widths %u reports %lu in %lu ms %s\n", class, size, events, wide, reports,
          milliseconds_since(start), ok ? "ok" : "FAILED");
    power_off();
}
