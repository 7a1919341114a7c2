// Has the example device docs/examples/crc compute checksums on both of its queues at once.
#include "lib/virtio.h"

#define DEVICE_TYPE 62

static struct virtio device;
static struct queue queues[2];

static void ask(struct queue *q, const char *data, u64 length, u32 *answer)
{
    q->descriptors[0] = (struct descriptor){ (u64)data, length, DESC_NEXT, 1 };
    q->descriptors[1] = (struct descriptor){ (u64)answer, 4, DESC_WRITE, 0 };
    queue_add(q, 0);
    queue_publish(q);
}

void main(void)
{
    traps_on();
    if (!virtio_find(&device, DEVICE_TYPE, 0) || !virtio_negotiate(&device, F_EVENT_IDX))
        stop("crc: no such device");
    for (u16 i = 0; i < 2; i++)
        if (!queue_open(&queues[i], &device, i, 16, 0xffff))
            stop("crc: a queue is refused");
    virtio_driver_ok(&device);
    char *data = allocate(PAGE, PAGE);
    u32 *answers = allocate(PAGE, PAGE), id, length;
    memcpy(data, "123456789", 9);
    ask(&queues[0], data, 9, &answers[0]);
    ask(&queues[1], data + 64, 32, &answers[1]);  // 32 zeros
    for (u16 i = 0; i < 2; i++)
        for (u64 start = tsc(); !queue_take(&queues[i], &id, &length); pause())
            if (milliseconds_since(start) > 10000)
                stop("crc: no answer");
    // RFC 3720 appendix B.4 has the second one.
    print("crc queues %u %08x %08x %s\n", read16(device.config), answers[0], answers[1],
          answers[0] == 0xe3069283 && answers[1] == 0x8a9136aa ? "ok" : "FAILED");
    power_off();
}
