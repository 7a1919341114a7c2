// Greets on port 0 of the first virtio-console and echoes what comes in until a line "quit". What went through is counted on
// the serial line. Options: flood=BYTES (first writes so much, in 4 KiB pieces), serial=BYTES (before that, so much on the serial line), secs=T (30: gives up
// without input).
#include "lib/virtio.h"

#define VIRTIO_CONSOLE 3
#define RECEIVE_BUFFERS 8
#define BUFFER 256u

static struct virtio device;
static struct queue receive, transmit;
static u8 *input, *output;

static void send(const void *data, u32 length)
{
    u32 id, used;
    memcpy(output, data, length);
    transmit.descriptors[0].address = (u64)output;
    transmit.descriptors[0].length = length;
    transmit.descriptors[0].flags = 0;
    queue_add(&transmit, 0);
    queue_publish(&transmit);
    for (u64 start = tsc(); !queue_take(&transmit, &id, &used); pause())
        if (milliseconds_since(start) > 20000)
            stop("console: output does not finish");
}

static void offer(u16 i)
{
    receive.descriptors[i].address = (u64)input + i * BUFFER;
    receive.descriptors[i].length = BUFFER;
    receive.descriptors[i].flags = DESC_WRITE;
    queue_add(&receive, i);
    queue_publish(&receive);
}

void main(void)
{
    u64 flood = option_number("flood", 0), seconds = option_number("secs", 30), in = 0, lines = 0;
    if (!virtio_find(&device, VIRTIO_CONSOLE, 0))
        stop("console: no virtio-console device");
    if (!virtio_negotiate(&device, F_EVENT_IDX) || !queue_open(&receive, &device, 0, 64, 0xffff) || !queue_open(&transmit, &device, 1, 64, 0xffff))
        stop("console: the device refuses");
    virtio_driver_ok(&device);
    input = allocate(RECEIVE_BUFFERS * BUFFER, PAGE);
    output = allocate(PAGE, PAGE);
    for (u16 i = 0; i < RECEIVE_BUFFERS; i++)
        offer(i);
    send("console ready\n", 14);
    static char piece[PAGE];
    memset(piece, '.', sizeof piece);
    for (u64 sent = 0; sent < option_number("serial", 0); sent += sizeof piece) {
        const char *from = piece;
        u64 count = sizeof piece;
        asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"((u16)0x3f8) : "memory");
    }
    for (u64 sent = 0; sent < flood; sent += sizeof piece)
        send(piece, sizeof piece);
    print("console ready\n");

    static char line[BUFFER];
    u32 in_line = 0;
    for (u64 start = tsc(); milliseconds_since(start) < seconds * 1000; pause()) {
        u32 id, length;
        if (!queue_take(&receive, &id, &length))
            continue;
        if (id >= RECEIVE_BUFFERS || length > BUFFER)
            stop("console: wrong used element");
        start = tsc();
        in += length;
        send(input + id * BUFFER, length);
        for (u32 i = 0; i < length; i++) {
            char c = input[id * BUFFER + i];
            if (c == '\r' || c == '\n') {
                line[in_line] = 0;
                lines++;
                if (!strcmp(line, "quit"))
                    goto quit;
                in_line = 0;
            } else if (in_line < BUFFER - 1)
                line[in_line++] = c;
        }
        offer(id);
    }
quit:
    print("console echoed %lu lines %lu ok\n", in, lines);
    power_off();
}
