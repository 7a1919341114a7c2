#include "virtio.h"

#define VIRTIO_VENDOR 0x1af4
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_PCI = 5 };

bool virtio_find(struct virtio *v, u16 type, u32 nth)
{
    memset(v, 0, sizeof *v);
    if (!pci_find(VIRTIO_VENDOR, 0x1040 + type, nth, &v->pci))
        return false;
    pci_write16(&v->pci, PCI_COMMAND, pci_read16(&v->pci, PCI_COMMAND) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (u8 at = 0; (at = pci_capability(&v->pci, PCI_CAP_VENDOR, at));) {
        u8 kind = pci_read8(&v->pci, at + 3), bar = pci_read8(&v->pci, at + 4);
        u32 offset = pci_read32(&v->pci, at + 8), length = pci_read32(&v->pci, at + 12);
        if (kind == CAP_PCI) {
            v->cap_pci_config = at;
            continue;
        }
        u64 base = bar < 6 ? pci_bar(&v->pci, bar) : 0;
        if (!base)
            continue;
        u64 address = (u64)map_device(base + offset, length);
        switch (kind) {
        case CAP_COMMON: v->common = address; v->cap_common = at; break;
        case CAP_ISR: v->isr = address; break;
        case CAP_DEVICE: v->config = address; v->config_length = length; break;
        case CAP_NOTIFY:
            v->notify = address;
            v->notify_length = length;
            v->notify_multiplier = pci_read32(&v->pci, at + 16);
            break;
        }
    }
    return v->common && v->notify;
}

u8 virtio_status(struct virtio *v) { return read8(v->common + COMMON_STATUS); }

void virtio_reset(struct virtio *v)
{
    write8(v->common + COMMON_STATUS, 0);
    for (u64 start = tsc(); virtio_status(v);)
        if (milliseconds_since(start) > 10000)
            stop("device does not finish its reset");
}

bool virtio_negotiate(struct virtio *v, u64 wanted)
{
    virtio_reset(v);
    write8(v->common + COMMON_STATUS, STATUS_ACKNOWLEDGE);
    write8(v->common + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    v->offered = 0;
    for (u32 half = 0; half < 2; half++) {
        write32(v->common + COMMON_DEVICE_FEATURE_SELECT, half);
        v->offered |= (u64)read32(v->common + COMMON_DEVICE_FEATURE) << 32 * half;
    }
    v->features = v->offered & (wanted | F_VERSION_1);
    for (u32 half = 0; half < 2; half++) {
        write32(v->common + COMMON_DRIVER_FEATURE_SELECT, half);
        write32(v->common + COMMON_DRIVER_FEATURE, v->features >> 32 * half);
    }
    write8(v->common + COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    return virtio_status(v) & STATUS_FEATURES_OK;
}

static void write_address(struct virtio *v, u32 offset, u64 address)
{
    write32(v->common + offset, address);       // section 4.1.3.1: 64-bit fields are written as two halves
    write32(v->common + offset + 4, address >> 32);
}

bool queue_open(struct queue *q, struct virtio *v, u16 index, u16 max_size, u16 vector)
{
    write16(v->common + COMMON_QUEUE_SELECT, index);
    u16 size = read16(v->common + COMMON_QUEUE_SIZE);
    if (!size)
        return false;
    if (size > max_size) {
        size = max_size;
        write16(v->common + COMMON_QUEUE_SIZE, size);
    }
    u64 driver = 16ul * size, device = (driver + 6 + 2ul * size + PAGE - 1) & ~(PAGE - 1), total = device + 6 + 8ul * size;
    void *memory = (void *)q->descriptors;
    if (memory && q->size >= size)
        memset(memory, 0, total);
    else
        memory = allocate(total, PAGE);
    *q = (struct queue){ .device = v, .index = index, .size = size, .descriptors = memory, .avail = memory + driver,
        .used = memory + device, .event_idx = v->features & F_EVENT_IDX };
    q->doorbell = v->notify + (u64)read16(v->common + COMMON_QUEUE_NOTIFY_OFF) * v->notify_multiplier;
    // Polled unless there is a vector: no interrupt wanted. With EVENT_IDX the flag has no meaning, but an index far away has.
    if (vector == 0xffff) {
        q->avail->flags = 1;
        q->avail->ring[size] = 0x8000;
    }
    write_address(v, COMMON_QUEUE_DESC, (u64)memory);
    write_address(v, COMMON_QUEUE_DRIVER, (u64)memory + driver);
    write_address(v, COMMON_QUEUE_DEVICE, (u64)memory + device);
    write16(v->common + COMMON_QUEUE_MSIX, vector);
    if (vector != 0xffff && read16(v->common + COMMON_QUEUE_MSIX) != vector)
        return false;
    write16(v->common + COMMON_QUEUE_ENABLE, 1);
    return true;
}

void virtio_driver_ok(struct virtio *v) { write8(v->common + COMMON_STATUS, virtio_status(v) | STATUS_DRIVER_OK); }

void queue_add(struct queue *q, u16 head) { q->avail->ring[q->next_avail++ & (q->size - 1)] = head; }

void queue_ring(struct queue *q)
{
    q->kicks++;
    write16(q->doorbell, q->index);
}

void queue_publish(struct queue *q)
{
    u16 before = q->published, now = q->next_avail;
    if (before == now)
        return;
    barrier();                                  // ring entries before the index; x86 keeps stores in order
    q->avail->idx = q->published = now;
    fence();                                    // the index before we look at what the device wants
    if (q->event_idx) {
        u16 event = *(volatile u16 *)&q->used->ring[q->size];
        if ((u16)(now - event - 1) < (u16)(now - before))
            queue_ring(q);
    } else if (!(q->used->flags & 1))
        queue_ring(q);
}

bool queue_take(struct queue *q, u32 *id, u32 *length)
{
    if (q->used->idx == q->last_used)
        return false;
    barrier();                                  // the index before the element; x86 keeps loads in order
    volatile struct used_element *e = &q->used->ring[q->last_used & (q->size - 1)];
    *id = e->id;
    *length = e->length;
    q->last_used++;
    if (q->event_idx && q->avail->flags)
        q->avail->ring[q->size] = q->last_used + 0x8000;
    return true;
}

u64 msix_table(struct virtio *v, u32 *entries, u64 *pba)
{
    u8 cap = pci_capability(&v->pci, PCI_CAP_MSIX, 0);
    if (!cap)
        return 0;
    u32 count = (pci_read16(&v->pci, cap + 2) & 0x7ff) + 1, table = pci_read32(&v->pci, cap + 4), pending = pci_read32(&v->pci, cap + 8);
    if (entries)
        *entries = count;
    if (pba)
        *pba = (u64)map_device(pci_bar(&v->pci, pending & 7) + (pending & ~7u), 8 * ((count + 63) / 64));
    return (u64)map_device(pci_bar(&v->pci, table & 7) + (table & ~7u), 16 * count);
}

bool msix_route(struct virtio *v, u16 entry, u8 vector)
{
    u8 cap = pci_capability(&v->pci, PCI_CAP_MSIX, 0);
    u32 entries;
    u64 table = msix_table(v, &entries, NULL);
    if (!table || entry >= entries)
        return false;
    write32(table + 16 * entry + 12, 1);
    write32(table + 16 * entry, 0xfee00000);
    write32(table + 16 * entry + 4, 0);
    write32(table + 16 * entry + 8, vector);
    write32(table + 16 * entry + 12, 0);
    pci_write16(&v->pci, cap + 2, (pci_read16(&v->pci, cap + 2) | 0x8000) & ~0x4000);
    return true;
}
