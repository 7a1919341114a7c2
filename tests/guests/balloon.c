// Drives the virtio-balloon: hands over as many pages of its pool as the host wants and takes them back, each time the device says that its configuration has changed. Says "balloon holds N"
// whenever it has got there; pages that came back have to be zero, all others keep what they hold. Options: mib=N (64: the pool), changes=N (1: sizes that the host will want).
#include "lib/pattern.h"
#include "lib/virtio.h"

#define VIRTIO_BALLOON 5
#define VECTOR 0x21
#define LIST 256
enum { INFLATE, DEFLATE };
enum { NUM_PAGES = 0, ACTUAL = 4 };

static struct virtio device;
static struct queue queues[2];
static u32 *list;
static u8 *pool;

static void hand(struct queue *q, u32 count)
{
    q->descriptors[0] = (struct descriptor){ (u64)list, count * 4, 0, 0 };
    queue_add(q, 0);
    queue_publish(q);
    u32 id, length;
    for (u64 start = tsc(); !queue_take(q, &id, &length); pause())
        if (milliseconds_since(start) > 60000)
            stop("balloon: a list does not come back");
}

static u64 *page(u32 i) { return (u64 *)(pool + i * PAGE); }

static bool zero(const u64 *words)
{
    u64 all = 0;
    for (u32 i = 0; i < PAGE / 8; i++)
        all |= words[i];
    return !all;
}

// Moves the next pages, at most a list of them; those that came back are filled anew. How many were not zero.
static u32 move(u32 *held, u32 wanted)
{
    u32 first = *held, wrong = 0, count = 0;
    bool inflate = wanted > first;
    for (; count < LIST && *held != wanted; count++)
        list[count] = (u64)page(inflate ? (*held)++ : --*held) >> 12;
    hand(&queues[inflate ? INFLATE : DEFLATE], count);
    for (u32 i = *held; i < first; i++) {
        wrong += !zero(page(i));
        pattern_fill(page(i), i * 8, 8, 1);
    }
    write32(device.config + ACTUAL, *held);
    return wrong;
}

void main(void)
{
    traps_on();
    u32 pages = option_number("mib", 64) << 8, changes = option_number("changes", 1), held = 0, wrong = 0;
    if (!virtio_find(&device, VIRTIO_BALLOON, 0) || !virtio_negotiate(&device, F_EVENT_IDX))
        stop("balloon: no such device");
    interrupt_vector(VECTOR);
    interrupts_enable();
    if (!msix_route(&device, 0, VECTOR))
        stop("balloon: no interrupt");
    write16(device.common + COMMON_MSIX_CONFIG, 0);
    for (u16 i = 0; i < 2; i++)
        if (!queue_open(&queues[i], &device, i, 128, 0xffff))
            stop("balloon: a queue is refused");
    virtio_driver_ok(&device);
    list = allocate(PAGE, PAGE);
    pool = allocate(pages * PAGE, 2 << 20);
    pattern_fill((u64 *)pool, 0, pages * 8, 1);

    // Pages that are not RAM, a number cut in two, and what the driver must not write: nothing comes of it.
    u32 before = read32(device.config + NUM_PAGES);
    list[0] = 0xffffffff, list[1] = 0xfee00, list[2] = ram_top() >> 12;
    hand(&queues[INFLATE], 3);
    hand(&queues[DEFLATE], 3);
    write32(device.config + NUM_PAGES, ~before);
    bool calm = virtio_status(&device) == (STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK | STATUS_FEATURES_OK) && read32(device.config + NUM_PAGES) == before
        && read32(device.config + ACTUAL) == 0;
    print("balloon ready wanted %u calm %u\n", before, calm);

    for (u32 change = 0; change < changes;) {
        u64 told = interrupts_seen(VECTOR);
        u32 wanted = read32(device.config + NUM_PAGES);
        if (wanted > pages)
            stop("balloon: more is wanted than the pool has");
        if (wanted != held) {
            while (held != wanted)
                wrong += move(&held, wanted);
            change++;
            print("balloon holds %u wrong %u config %u\n", held, wrong, read32(device.config + ACTUAL));
            continue;
        }
        for (u64 start = tsc(); interrupts_seen(VECTOR) == told; pause())
            if (milliseconds_since(start) > 60000)
                stop("balloon: nobody wants anything");
    }
    long lost = held < pages ? pattern_check(page(held), held * 8, (pages - held) * 8, 1) : -1;
    print("balloon changes %u wrong %u lost %ld %s\n", changes, wrong, lost < 0 ? 0 : lost + 1, calm && !wrong && lost < 0 ? "ok" : "FAILED");
    power_off();
}
