// Reads entropy from the first virtio-rng and looks whether it can be what it says. Options: bytes=N (4096), count=C (4 requests).
#include "lib/virtio.h"

#define VIRTIO_RNG 4

static struct virtio device;
static struct queue queue;

void main(void)
{
    u64 bytes = option_number("bytes", 4096), count = option_number("count", 4);
    if (!virtio_find(&device, VIRTIO_RNG, 0))
        stop("rng: no virtio-rng device");
    if (!virtio_negotiate(&device, F_EVENT_IDX) || !queue_open(&queue, &device, 0, 256, 0xffff))
        stop("rng: the device refuses");
    virtio_driver_ok(&device);
    u8 *buffer = allocate(bytes, PAGE), *previous = allocate(bytes, PAGE);
    u64 total = 0, bits = 0, repeats = 0;
    for (u64 i = 0; i < count; i++) {
        memset(buffer, 0, bytes);
        queue.descriptors[0].address = (u64)buffer;
        queue.descriptors[0].length = bytes;
        queue.descriptors[0].flags = DESC_WRITE;
        queue_add(&queue, 0);
        queue_publish(&queue);
        u32 id, length = 0;
        for (u64 start = tsc(); !queue_take(&queue, &id, &length); pause())
            if (milliseconds_since(start) > 10000)
                stop("rng: no answer");
        if (!length || length > bytes) {
            print("rng length %u of %lu\n", length, bytes);
            stop("rng: wrong length");
        }
        for (u32 b = 0; b < length; b++)
            for (u8 v = buffer[b]; v; v &= v - 1)
                bits++;
        total += length;
        repeats += i && !memcmp(buffer, previous, length < 16 ? length : 16);
        memcpy(previous, buffer, bytes);
        print("rng got %u: %02x%02x%02x%02x\n", length, buffer[0], buffer[1], buffer[2], buffer[3]);
    }
    u64 per_mille = bits * 1000 / (total * 8);  // of ones; far from 500 is no noise
    bool ok = !repeats && (total < 256 || (per_mille > 450 && per_mille < 550));
    print("rng bytes %lu ones_per_mille %lu repeats %lu %s\n", total, per_mille, repeats, ok ? "ok" : "FAILED");
    power_off();
}
