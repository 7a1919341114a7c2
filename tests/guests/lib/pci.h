// PCI configuration by ports 0xcf8/0xcfc (one bus: this machine and QEMU's q35 both put everything on bus 0).
#pragma once
#include "guest.h"

struct pci_device {
    u8 slot, function;
    u16 vendor, device;
};

u8 pci_read8(const struct pci_device *d, u8 offset);
u16 pci_read16(const struct pci_device *d, u8 offset);
u32 pci_read32(const struct pci_device *d, u8 offset);
void pci_write8(const struct pci_device *d, u8 offset, u8 v);
void pci_write16(const struct pci_device *d, u8 offset, u16 v);
void pci_write32(const struct pci_device *d, u8 offset, u32 v);

bool pci_find(u16 vendor, u16 device, u32 nth, struct pci_device *found);
u8 pci_capability(const struct pci_device *d, u8 id, u8 after); // offset of the next one after `after` (0: the first), 0 if none
u64 pci_bar(const struct pci_device *d, u32 index);             // its address; 0 for an absent or port BAR
void pci_bar_move(const struct pci_device *d, u32 index, u64 address);
u64 pci_bar_size(const struct pci_device *d, u32 index);        // by writing ones; decoding is off meanwhile
bool pci_bar_is_64(const struct pci_device *d, u32 index);

#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 2
#define PCI_COMMAND_MASTER 4
#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX 0x11
