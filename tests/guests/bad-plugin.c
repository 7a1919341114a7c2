// Uses devices whose plugin does the wrong thing (tests/plugins/misbehaving) on the second vCPU, while the first one reads a disk and checks what it reads.
// Options: seed= (1, of the image), reads= (300: so many more reads after the second vCPU is done or stuck), wait= (2000: ms until it counts as stuck),
// stay=1 (go on reading at the end, without a word), reset=0 (leave the virtio devices running), eject=1 (the second vCPU then ejects what is to go).
#include "lib/blk.h"
#include "lib/hotplug.h"
#include "lib/pattern.h"

#define BAD_VIRTIO 63
#define BAD_VENDOR 0x1234
#define BAD_DEVICE 0xbad0
#define PCI_CAP_AF 0x13                         // Advanced Features (PCI ECN): control at 4, bit 0 resets the function
#define OWNED 0xe0                              // a configuration register that the plugin answers

static struct blk disk;
static volatile bool touched;
static u64 registers;

static bool reset_done(struct virtio *v)
{
    write8(v->common + COMMON_STATUS, 0);
    for (u64 start = tsc(); virtio_status(v);)
        if (milliseconds_since(start) > 1000)
            return false;
    return true;
}

static void touch_virtio(u32 n, struct virtio *v)
{
    static struct queue queues[8];
    print("virtio %u config %x\n", n, read32(v->config));
    write32(v->config, 1);
    bool negotiated = virtio_negotiate(v, 0) && queue_open(&queues[n], v, 0, 16, 0xffff);
    virtio_driver_ok(v);
    queue_ring(&queues[n]);
    delay_microseconds(20000);
    print("virtio %u negotiated %u status %02x\n", n, negotiated, virtio_status(v));
    if (option_number("reset", 1))
        print("virtio %u reset %s\n", n, reset_done(v) ? "done" : "stuck");
}

static void touch_pci(u32 n, struct pci_device *d)
{
    u64 registers = (u64)map_device(pci_bar(d, 0), PAGE);
    print("pci %u register %x\n", n, read32(registers));
    write32(registers, 1);
    u32 own = pci_read32(d, OWNED);
    pci_write32(d, OWNED, 1);
    print("pci %u own %x register %x\n", n, own, read32(registers));
    u8 af = pci_capability(d, PCI_CAP_AF, 0);
    if (af)
        pci_write8(d, af + 4, 1);
    pci_write16(d, PCI_COMMAND, PCI_COMMAND_MEMORY);
    print("pci %u reset register %x\n", n, read32(registers));
}

static void touch(void)
{
    struct virtio v;
    struct pci_device d;
    for (u32 n = 0; n < 8 && virtio_find(&v, BAD_VIRTIO, n); n++)
        touch_virtio(n, &v);
    for (u32 n = 0; pci_find(BAD_VENDOR, BAD_DEVICE, n, &d); n++)
        touch_pci(n, &d);
    touched = true;
    while (registers) {                         // for ever
        write32(registers + HOTPLUG_EJECT, read32(registers + HOTPLUG_REMOVED));
        delay_microseconds(1000);
    }
}

static u64 seed, reads, errors;

static void read_one(void)
{
    u64 sector = reads * 7919 % (disk.capacity - 8), start = tsc();
    u16 slot;
    u8 status;
    blk_prepare(&disk, 0, BLK_IN, sector, 4096);
    queue_publish(&disk.queue);
    while (!blk_take(&disk, &slot, &status))    // blk_request waits 5 s, which a pause that fails takes as well
        if (milliseconds_since(start) > 60000)
            stop("bad-plugin: the disk does not answer");
    if (status != BLK_OK || pattern_check(blk_buffer(&disk, 0), sector, 8, seed) >= 0)
        errors++;
    reads++;
}

void main(void)
{
    traps_on();
    seed = option_number("seed", 1);
    u64 more = option_number("reads", 300), wait = option_number("wait", 2000);
    if (option_number("eject", 0))
        registers = hotplug_registers();
    if (!blk_open(&disk, 0, 1, 4096) || !second_cpu_start(touch))
        stop("bad-plugin: no disk or no second vCPU");
    for (u64 start = tsc(); !touched && milliseconds_since(start) < wait;)
        read_one();
    bool stuck = !touched;
    while (more--)
        read_one();
    print("bystander reads %lu errors %lu second %s %s\n", reads, errors, stuck ? "stuck" : "done", errors ? "FAILED" : "ok");
    while (option_number("stay", 0) && !errors)
        read_one();
    power_off();
}
