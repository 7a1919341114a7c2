// Reads blocks with MSI-X interrupts on: the handler counts, so a read that ends without one shows.
// Options: reqs=N (1000), qd=D (1), event= (1: EVENT_IDX asks for one interrupt per batch).
#include "lib/blk.h"

#define VECTOR 0x21

static struct blk disk;

void main(void)
{
    u64 limit = option_number("reqs", 1000), depth = option_number("qd", 1), done = 0, submitted = 0, late = 0;
    traps_on();
    if (depth < 1 || depth > 256 || !blk_open(&disk, 0, depth, 4096))
        stop("usage");
    interrupt_vector(VECTOR);
    interrupts_enable();
    if (!msix_route(&disk.device, 1, VECTOR))
        stop("blk-irq: no MSI-X");
    virtio_negotiate(&disk.device, disk.device.features);
    if (!queue_open(&disk.queue, &disk.device, 0, 256, 1))
        stop("blk-irq: vector 1 refused");
    virtio_driver_ok(&disk.device);
    while (done < limit) {
        u16 slot;
        u8 status;
        u64 before = interrupts_seen(VECTOR);
        for (slot = 0; slot < disk.slots && submitted < limit; slot++, submitted++)
            blk_prepare(&disk, slot, BLK_IN, submitted * 8 % (disk.capacity & ~7ul), 4096);
        queue_publish(&disk.queue);
        u64 start = tsc();
        while (interrupts_seen(VECTOR) == before && milliseconds_since(start) < 1000)
            pause();
        late += interrupts_seen(VECTOR) == before;
        while (done < submitted) {              // without an interrupt after a second: look ourselves
            disk.queue.avail->ring[disk.queue.size] = disk.queue.last_used;
            if (blk_take(&disk, &slot, &status)) {
                done++;
                if (status != BLK_OK)
                    stop("blk-irq: read error");
            } else if (milliseconds_since(start) > 5000)
                stop("blk-irq: a request does not finish");
        }
        disk.queue.avail->ring[disk.queue.size] = disk.queue.last_used; // used_event: the next completion
        fence();
    }
    print("blk-irq done %lu interrupts %lu late %lu %s\n", done, interrupts_seen(VECTOR), late, late ? "FAILED" : "ok");
    power_off();
}
