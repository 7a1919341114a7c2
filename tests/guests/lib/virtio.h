// A driver for virtio 1.2 devices over PCI (sections 2.7, 3.1, 4.1): split rings, polled. It trusts nothing it does not
// need, but it is a well-behaved driver: hostile guests go behind its back through the fields below.
#pragma once
#include "pci.h"

// Section 4.1.4.3, offsets in the common configuration.
enum {
    COMMON_DEVICE_FEATURE_SELECT = 0x00, COMMON_DEVICE_FEATURE = 0x04, COMMON_DRIVER_FEATURE_SELECT = 0x08,
    COMMON_DRIVER_FEATURE = 0x0c, COMMON_MSIX_CONFIG = 0x10, COMMON_NUM_QUEUES = 0x12, COMMON_STATUS = 0x14,
    COMMON_GENERATION = 0x15, COMMON_QUEUE_SELECT = 0x16, COMMON_QUEUE_SIZE = 0x18, COMMON_QUEUE_MSIX = 0x1a,
    COMMON_QUEUE_ENABLE = 0x1c, COMMON_QUEUE_NOTIFY_OFF = 0x1e, COMMON_QUEUE_DESC = 0x20, COMMON_QUEUE_DRIVER = 0x28,
    COMMON_QUEUE_DEVICE = 0x30,
};

enum { STATUS_ACKNOWLEDGE = 1, STATUS_DRIVER = 2, STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8, STATUS_NEEDS_RESET = 0x40, STATUS_FAILED = 0x80 };

#define F_INDIRECT_DESC (1ul << 28)
#define F_EVENT_IDX (1ul << 29)
#define F_VERSION_1 (1ul << 32)
#define F_ACCESS_PLATFORM (1ul << 33)
#define F_RING_PACKED (1ul << 34)

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };
struct descriptor { u64 address; u32 length; u16 flags, next; };
struct avail { u16 flags, idx, ring[]; };       // then used_event
struct used_element { u32 id, length; };
struct used { u16 flags, idx; struct used_element ring[]; }; // then avail_event

struct virtio {
    struct pci_device pci;
    u64 common, isr, config, notify;            // mapped addresses
    u32 config_length, notify_multiplier, notify_length;
    u8 cap_common, cap_pci_config;              // offsets of these capabilities in configuration space
    u64 offered, features;
};

struct queue {
    struct virtio *device;
    u16 index, size;
    volatile struct descriptor *descriptors;
    volatile struct avail *avail;
    volatile struct used *used;
    u64 doorbell;
    u16 next_avail, published, last_used;       // free running
    bool event_idx;
    u64 kicks;                                  // doorbells rung
};

bool virtio_find(struct virtio *v, u16 type, u32 nth);          // the nth device of this virtio type; maps its BARs
void virtio_reset(struct virtio *v);                            // waits until the device says 0
bool virtio_negotiate(struct virtio *v, u64 wanted);            // reset to FEATURES_OK
bool queue_open(struct queue *q, struct virtio *v, u16 index, u16 max_size, u16 vector); // memory is reused when opened again
void virtio_driver_ok(struct virtio *v);
u8 virtio_status(struct virtio *v);

void queue_add(struct queue *q, u16 head);      // into the avail ring, not yet published
void queue_publish(struct queue *q);            // makes added heads visible, rings the doorbell if the device wants it
void queue_ring(struct queue *q);               // rings it in any case
bool queue_take(struct queue *q, u32 *id, u32 *length); // one used element, false if there is none

// MSI-X of the device: masks all, then points `entry` at a vector of vCPU 0. False without the capability.
bool msix_route(struct virtio *v, u16 entry, u8 vector);
u64 msix_table(struct virtio *v, u32 *entries, u64 *pba);
