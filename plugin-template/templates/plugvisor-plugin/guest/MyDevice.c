// A guest that drives the device, without an operating system: finds it, sends five bytes, looks at what comes back, powers off.
#include "lib/virtio.h"

#define DEVICE_TYPE 4242

static struct virtio device;
static struct queue queue;

void main(void)
{
    traps_on();
    if (!virtio_find(&device, DEVICE_TYPE, 0))
        stop("MyDevice: no such device");
    if (!virtio_negotiate(&device, F_EVENT_IDX) || !queue_open(&queue, &device, 0, 64, 0xffff))
        stop("MyDevice: the device refuses");
    virtio_driver_ok(&device);
    char *request = allocate(PAGE, PAGE), *answer = allocate(PAGE, PAGE);
    memcpy(request, "hello", 5);
    queue.descriptors[0] = (struct descriptor){ (u64)request, 5, DESC_NEXT, 1 };
    queue.descriptors[1] = (struct descriptor){ (u64)answer, 64, DESC_WRITE, 0 };
    queue_add(&queue, 0);
    queue_publish(&queue);
    u32 id, length;
    for (u64 start = tsc(); !queue_take(&queue, &id, &length); pause())
        if (milliseconds_since(start) > 10000)
            stop("MyDevice: no answer");
    print("MyDevice limit %u answer %s %s\n", read32(device.config), answer, length == 5 && !memcmp(answer, "hello", 5) ? "ok" : "FAILED");
    power_off();
}
