// Sends and receives numbered frames through the first virtio-net; tests/peers/net-peer is the other end. Options: send=N frames,
// recv=N frames (0 and 0), size=BYTES (64), window=W (256: frames under way at most, acknowledged by the peer; 0: as fast as it goes), verify=0
// (neither fill nor check contents), secs=T (receive for so long instead of up to a number), stall=S (20: seconds without any
// progress that are a failure), until=1 (send and receive until the peer says that it is over; also says how long nothing came or went at most), mrg=0, event=0,
// queue=N.
#include "lib/net.h"

static struct net net;

static bool send_one(u32 kind, u64 number, u32 size, bool fill)
{
    u16 slot;
    struct frame *f = net_slot(&net, &slot);
    if (!f)
        return false;
    if (fill)
        frame_fill(f, kind, number, size);
    else
        f->kind = kind, f->number = number;
    net_send(&net, slot, size);
    return true;
}

void main(void)
{
    u64 to_send = option_number("send", 0), to_receive = option_number("recv", 0), window = option_number("window", 256);
    u64 seconds = option_number("secs", 0), patience = option_number("stall", 20) * 1000;
    u32 size = option_number("size", FRAME_MIN), batch = window ? (window + 3) / 4 : ~0u;
    bool until = option_is("until", "1");
    if (until)
        to_send = to_receive = ~0ul;
    bool verify = option_number("verify", 1);
    if (size < FRAME_MIN || size > 9000 || !net_open(&net, 0, size < 1536 ? 1536 : size))
        stop("usage");
    u64 khz = tsc_khz() ? tsc_khz() : 2000000, sent = 0, acked = 0, told = 0;
    u64 first = 0, last = 0, rounds = 0, gap = 0;
    struct frame_row row = { 0 };
    print("net-frames mac %02x:%02x:%02x:%02x:%02x:%02x queue %u event_idx %u\n", net.mac[0], net.mac[1], net.mac[2], net.mac[3], net.mac[4],
        net.mac[5], net.receive.size, net.receive.event_idx);

    send_one(FRAME_HELLO, 0, FRAME_MIN, true);
    queue_publish(&net.transmit);
    u64 start = tsc(), progress = start, now = start, send_end = 0;
    for (;; rounds++) {
        bool any = false;
        net_reclaim(&net);
        while (sent < to_send && (!window || sent - acked < window) && send_one(FRAME_DATA, sent, size, verify)) {
            sent++;
            any = true;
        }
        u32 length;
        u16 buffer;
        for (struct frame *f; (f = net_take(&net, &length, &buffer));) {
            if (f->type[0] == FRAME_TYPE_HIGH && f->type[1] == FRAME_TYPE_LOW) {
                if (f->kind == FRAME_ACK)
                    acked = f->number;
                else if (f->kind == FRAME_DATA)
                    frame_row_add(&row, f, length, verify);
                else if (f->kind == FRAME_STOP && until) {
                    to_send = sent;
                    to_receive = f->number;
                    until = false;
                }
            }
            net_give(&net, buffer);
            any = true;
        }
        queue_publish(&net.receive);
        if ((row.received - told >= batch || (row.received == to_receive && told != row.received && window)) &&
            send_one(FRAME_ACK, row.received, FRAME_MIN, true))
            told = row.received;
        queue_publish(&net.transmit);
        now = tsc();
        if (any) {
            if (row.received && now - progress > gap)
                gap = now - progress;
            progress = last = now;
            if (!first && row.received)
                first = now;
            if (!send_end && sent == to_send)
                send_end = now;
        } else {
            if (now - progress > patience * khz) {
                print("net-frames STALL sent %lu acked %lu received %lu status %x\n", sent, acked, row.received, virtio_status(&net.device));
                power_off();
            }
            pause();
        }
        if (seconds) {
            if (first && now - first > seconds * 1000 * khz)
                break;
        } else if (sent == to_send && row.received >= to_receive && (window ? acked == to_send && told == row.received : true) &&
            net.free_count == net.transmit.size)
            break;
    }
    bool ok = !row.wrong && !row.reordered && (seconds || !window || !row.lost);
    print("net-frames sent %lu received %lu lost %lu reordered %lu wrong %lu kicks %lu", sent, row.received, row.lost, row.reordered, row.wrong,
        net.transmit.kicks + net.receive.kicks);
    u64 end = seconds ? now : last, ms = (end - start) / khz, receive_us = first ? (end - first) * 1000 / khz : 0;
    print(" ms %lu sent_per_s %lu received_per_s %lu %s\n", ms, ms ? sent * 1000 / ms : 0,
        receive_us ? row.received * 1000000 / receive_us : 0, ok ? "ok" : "FAILED");
    if (option_is("until", "1"))
        print("net-frames longest gap %lu us\n", gap * 1000 / khz);
    power_off();
}
