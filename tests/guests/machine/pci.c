// Configuration space by ports and by memory, BAR sizing.
#include "machine.h"

#define ECAM 0xe8000000ul

void check_pci(void)
{
    for (u8 slot = 0; slot < 32; slot++) {
        struct pci_device d = { .slot = slot };
        u32 id = pci_read32(&d, 0), class = pci_read32(&d, 8);
        if (id == 0xffffffff)
            continue;
        print("  %02u.0 %04x:%04x class %04x\n", slot, id & 0xffff, id >> 16, class >> 16);
        for (u32 offset = 0; offset < 256; offset += 4) {
            u32 whole = pci_read32(&d, offset), parts = 0;
            for (u32 i = 0; i < 4; i++)
                parts |= (u32)pci_read8(&d, offset + i) << 8 * i;
            if (whole != parts)
                wrong("bytes and dword differ", (u64)slot << 8 | offset, (u64)parts << 32 | whole);
            if ((pci_read16(&d, offset) | (u32)pci_read16(&d, offset + 2) << 16) != whole)
                wrong("words and dword differ", (u64)slot << 8 | offset, whole);
        }
        pci_write32(&d, 0, 0x12345678);         // identity cannot be written, whatever the width
        pci_write16(&d, 2, 0);
        pci_write8(&d, 0x0b, 0xff);
        pci_write32(&d, 0x34, 0xffffffff);
        if (pci_read32(&d, 0) != id || pci_read32(&d, 8) != class)
            wrong("identity was written", slot, pci_read32(&d, 0));
    }
    for (u16 port = 0xcf8; port < 0xd00; port++) { // odd accesses to the two registers
        inb(port);
        inw(port);
        inl(port);
    }
    outb(0xcf8, 0xff);
    outb(0xcfb, 0x80);
    outw(0xcfa, 0x8000);
    outl(0xcfd, 0xffffffff);
    outl(0xcf8, 0xffffffff);                    // a bus that is not there
    if (inl(0xcfc) != 0xffffffff)
        wrong("bus 255 answers", 0xcfc, inl(0xcfc));
    outl(0xcf8, 0);                             // not enabled
    if (inl(0xcfc) != 0xffffffff)
        wrong("a disabled access answers", 0xcfc, inl(0xcfc));
}

void check_ecam(void)                           // option ecam=ADDRESS (0xe8000000)
{
    u64 base = option_number("ecam", ECAM);
    for (u8 slot = 0; slot < 32; slot++) {
        struct pci_device d = { .slot = slot };
        u64 at = base + ((u64)slot << 15);
        for (u32 offset = 0; offset < 256; offset += 4)
            if (read32(at + offset) != pci_read32(&d, offset)) {
                wrong("ECAM and ports differ", (u64)slot << 8 | offset, read32(at + offset));
                break;
            }
        if (pci_read16(&d, 0) == 0xffff)
            continue;
        if (read16(at + 2) != pci_read16(&d, 2) || read8(at + 0x0b) != pci_read8(&d, 0x0b))
            wrong("ECAM bytes and words", slot, read16(at + 2));
        for (u32 offset = 0; offset < 0x1000; offset += 61) { // any width anywhere, also across dwords
            read8(at + offset);
            read16(at + offset);
            read32(at + offset);
            read64(at + offset);
        }
        write64(at, ~0ul);
        write32(at + 0xffc, 0);
        write8(at + 0xfff, 0);
    }
    read64(base + 0xffffc);                     // across the end of bus 0
}

void check_bars(void)
{
    for (u8 slot = 0; slot < 32; slot++) {
        struct pci_device d = { .slot = slot };
        if (pci_read16(&d, 0) == 0xffff || (pci_read8(&d, 0x0e) & 0x7f) != 0)
            continue;
        for (u32 i = 0; i < 6; i++) {
            u32 raw = pci_read32(&d, 0x10 + 4 * i);
            if (raw & 1)
                continue;
            u64 home = pci_bar(&d, i), size = pci_bar_size(&d, i);
            bool wide = pci_bar_is_64(&d, i);
            if (pci_bar(&d, i) != home)
                wrong("a BAR does not come back from sizing", (u64)slot << 8 | i, pci_bar(&d, i));
            if (home || size) {
                print("  %02u.0 BAR %u %lx size %lx%s\n", slot, i, home, size, wide ? " 64 bit" : "");
                if (!size || size & (size - 1) || home & (size - 1))
                    wrong("size or place of a BAR", home, size);
            }
            i += wide;
        }
    }
}
