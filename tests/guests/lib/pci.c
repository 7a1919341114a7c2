#include "pci.h"

static void select(const struct pci_device *d, u8 offset)
{
    outl(0xcf8, 0x80000000u | d->slot << 11 | d->function << 8 | (offset & 0xfc));
}

u8 pci_read8(const struct pci_device *d, u8 o) { select(d, o); return inb(0xcfc + (o & 3)); }
u16 pci_read16(const struct pci_device *d, u8 o) { select(d, o); return inw(0xcfc + (o & 2)); }
u32 pci_read32(const struct pci_device *d, u8 o) { select(d, o); return inl(0xcfc); }
void pci_write8(const struct pci_device *d, u8 o, u8 v) { select(d, o); outb(0xcfc + (o & 3), v); }
void pci_write16(const struct pci_device *d, u8 o, u16 v) { select(d, o); outw(0xcfc + (o & 2), v); }
void pci_write32(const struct pci_device *d, u8 o, u32 v) { select(d, o); outl(0xcfc, v); }

bool pci_find(u16 vendor, u16 device, u32 nth, struct pci_device *found)
{
    for (u8 slot = 0; slot < 32; slot++) {
        struct pci_device d = { .slot = slot };
        u32 id = pci_read32(&d, 0);
        d.vendor = id;
        d.device = id >> 16;
        if (d.vendor == vendor && d.device == device && nth-- == 0) {
            *found = d;
            return true;
        }
    }
    return false;
}

u8 pci_capability(const struct pci_device *d, u8 id, u8 after)
{
    if (!(pci_read16(d, 0x06) & 0x10))
        return 0;
    u8 at = pci_read8(d, after ? after + 1 : 0x34) & 0xfc;
    for (int bound = 0; at && bound < 48; bound++, at = pci_read8(d, at + 1) & 0xfc)
        if (pci_read8(d, at) == id)
            return at;
    return 0;
}

bool pci_bar_is_64(const struct pci_device *d, u32 i) { return (pci_read32(d, 0x10 + 4 * i) & 7) == 4; }

u64 pci_bar(const struct pci_device *d, u32 i)
{
    u32 low = pci_read32(d, 0x10 + 4 * i);
    if (low & 1)
        return 0;
    return (low & ~0xfu) | ((low & 6) == 4 ? (u64)pci_read32(d, 0x14 + 4 * i) << 32 : 0);
}

void pci_bar_move(const struct pci_device *d, u32 i, u64 address)
{
    if (pci_bar_is_64(d, i))
        pci_write32(d, 0x14 + 4 * i, address >> 32);
    pci_write32(d, 0x10 + 4 * i, address);
}

u64 pci_bar_size(const struct pci_device *d, u32 i)
{
    u16 command = pci_read16(d, PCI_COMMAND);
    u64 was = pci_bar(d, i);
    bool wide = pci_bar_is_64(d, i);
    pci_write16(d, PCI_COMMAND, command & ~3);
    pci_write32(d, 0x10 + 4 * i, 0xffffffff);
    u64 mask = pci_read32(d, 0x10 + 4 * i) & ~0xfu;
    if (wide) {
        pci_write32(d, 0x14 + 4 * i, 0xffffffff);
        mask |= (u64)pci_read32(d, 0x14 + 4 * i) << 32;
    } else if (mask)
        mask |= 0xffffffff00000000ul;
    pci_bar_move(d, i, was);
    pci_write16(d, PCI_COMMAND, command);
    return ~mask + 1;
}
