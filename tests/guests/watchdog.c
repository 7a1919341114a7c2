// Feeds the virtio watchdog. Options: pings=N (3), ms=T between them (10), hang=1: spins after the last one, until the machine is reset;
// hang=halt: halts instead.
#include "lib/virtio.h"

#define VIRTIO_WATCHDOG 35

static struct virtio device;
static struct queue queue;

static bool ping(u8 *buffer)
{
    *buffer = 0;
    queue.descriptors[0].address = (u64)buffer;
    queue.descriptors[0].length = 1;
    queue.descriptors[0].flags = DESC_WRITE;
    queue_add(&queue, 0);
    queue_publish(&queue);
    u32 id, length = 0;
    for (u64 start = tsc(); !queue_take(&queue, &id, &length); pause())
        if (milliseconds_since(start) > 10000)
            stop("watchdog: no answer");
    return length == 1 && *(volatile u8 *)buffer == 1;
}

static void open(void)
{
    if (!virtio_negotiate(&device, 0) || !queue_open(&queue, &device, 0, 256, 0xffff))
        stop("watchdog: the device refuses");
    virtio_driver_ok(&device);
}

static u64 halt(u64 unused)
{
    (void)unused;
    asm volatile("cli; hlt");
    return 0;
}

void main(void)
{
    u64 pings = option_number("pings", 3), between = option_number("ms", 10), good = 0;
    if (!virtio_find(&device, VIRTIO_WATCHDOG, 0))
        stop("watchdog: no virtio-watchdog device");
    u8 *buffer = allocate(1, PAGE);
    open();
    for (u64 i = 0; i < pings; i++) {
        good += ping(buffer);
        delay_microseconds(between * 1000);
    }
    virtio_reset(&device);
    open();
    bool again = ping(buffer);
    print("watchdog queue %u features %lx pings %lu of %lu again %u %s\n", queue.size, device.offered, good, pings, again,
          queue.size == 8 && device.offered == F_VERSION_1 && good == pings && again ? "ok" : "FAILED");
    while (option_is("hang", "1"))
        pause();
    while (option_is("hang", "halt"))
        ring0_call(halt, 0);
    power_off();
}
