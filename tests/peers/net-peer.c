// net-peer - runs a VMM in a network namespace of its own, with a tap, and is the host's end of that tap: it sends and receives the
// numbered frames of lib/frames.h.
//
//   net-peer [NAME=VALUE...] -- COMMAND [ARGUMENT...]
//     tap=NAME    the interface (t0); made persistent, up, without IPv6
//     queues=N    more than 1 makes it multi_queue
//     recv=N      frames that the guest sends (0)      send=N   frames to send (0)
//     size=BYTES  of each frame that is sent (64)      window=W under way at most, acknowledged by the guest (256)
//     flood=1     sends as fast as it can from the guest's first frame until the command ends, without looking at acknowledgements
//     pass=1      opens the queues itself; the command has them as descriptors 10, 11 ...
//     delete=N    deletes the interface once N frames of the guest came, were acknowledged, and nothing more came for a moment
//     verify=0    does not look at contents
//     until=1     goes on until a SIGUSR1, and then tells the guest (net-frames until=1) how many frames it has sent
//     deaf=1      takes nothing from the tap: the kernel drops what the guest sends. With flood=1 it sends from the start
//
// Needs no rights where user namespaces are allowed. Its last line says what came, and what the tap lost; exits with the command's status,
// or 1 when a frame was lost, changed or came out of order.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <signal.h>
#include <time.h>
#include "frames.h"

#define FRAME_ETHERTYPE 0x88b5
#define BATCH 32
#define FIRST_PASSED 10
#define QUIET_LOOKS 30                          // of 10 ms
#define RING_FRAME 2048u
#define RING_BLOCK (1u << 20)
#define RING_BLOCKS 16u
#define RING_FRAMES (RING_BLOCKS * (RING_BLOCK / RING_FRAME))

static const char *tap = "t0";
static unsigned long queues = 1, to_receive, to_send, size = FRAME_MIN, window = 256, flood, deaf, pass, delete_after, verify = 1, until;
static volatile sig_atomic_t stopping;

// As the guests' options: decimal or 0x..., with a suffix K or M of powers of 1024.
static unsigned long number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 0);
    return *end == 'M' ? n << 20 : *end == 'K' ? n << 10 : n;
}

static void die(const char *what, ...)
{
    va_list list;
    va_start(list, what);
    int error = errno;
    fprintf(stderr, "net-peer: ");
    vfprintf(stderr, what, list);
    fprintf(stderr, ": %s\n", strerror(error));
    exit(1);
}

static void on_stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static void write_file(const char *path, const char *format, ...)
{
    char text[64];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    int f = open(path, O_WRONLY);
    if (f < 0 || write(f, text, length) != length)
        die("write %s", path);
    close(f);
}

static void own_namespace(void)
{
    uid_t user = getuid();
    gid_t group = getgid();
    if (user == 0) {
        if (unshare(CLONE_NEWNET))
            die("a network namespace");
        return;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
        die("a user and a network namespace");
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 %d 1", (int)user);
    write_file("/proc/self/gid_map", "0 %d 1", (int)group);
}

static void make_tap(void)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0) };
    strncpy(request.ifr_name, tap, IFNAMSIZ - 1);
    int f = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (f < 0 || ioctl(f, TUNSETIFF, &request) || ioctl(f, TUNSETPERSIST, 1))
        die("make tap %s", tap);
    close(f);
    // Where there is no IPv6 there is nothing to switch off.
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", tap);
    if (!access(path, W_OK))
        write_file(path, "1");
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_UP;
    if (s < 0 || ioctl(s, SIOCSIFFLAGS, &request))
        die("take %s up", tap);
    close(s);
}

// Queues for the command to inherit.
static void pass_queues(void)
{
    for (unsigned long i = 0; i < queues; i++) {
        struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0) };
        strncpy(request.ifr_name, tap, IFNAMSIZ - 1);
        int f = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        if (f < 0 || ioctl(f, TUNSETIFF, &request) || dup2(f, FIRST_PASSED + i) < 0)
            die("open queue %lu of %s", i, tap);
        close(f);
    }
}

static void delete_tap(void)
{
    struct { struct nlmsghdr header; struct ifinfomsg link; } request = {
        { .nlmsg_len = sizeof request, .nlmsg_type = RTM_DELLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
        { .ifi_index = if_nametoindex(tap) },
    };
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (s < 0 || send(s, &request, sizeof request, 0) != sizeof request || recv(s, &request, sizeof request, 0) < 0)
        die("delete %s", tap);
    close(s);
}

static int open_packets(unsigned char **ring)
{
    int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), version = TPACKET_V2, one = 1;
    struct tpacket_req layout = { .tp_block_size = RING_BLOCK, .tp_block_nr = RING_BLOCKS, .tp_frame_size = RING_FRAME, .tp_frame_nr = RING_FRAMES };
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = deaf ? 0 : htons(FRAME_ETHERTYPE), .sll_ifindex = if_nametoindex(tap) };
    if (s < 0 || setsockopt(s, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
        setsockopt(s, SOL_PACKET, PACKET_RX_RING, &layout, sizeof layout) || setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one))
        die("a packet socket");
    *ring = mmap(NULL, RING_BLOCK * RING_BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, s, 0);
    if (*ring == MAP_FAILED || bind(s, (struct sockaddr *)&address, sizeof address))
        die("receive from %s", tap);
    return s;
}

static unsigned char frames[BATCH][9216] __attribute__((aligned(64)));
static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];

static struct frame *frame_at(unsigned i) { return (struct frame *)frames[i]; }

static void prepare(void)
{
    for (unsigned i = 0; i < BATCH; i++) {
        struct frame *f = frame_at(i);
        memset(f->to, 0xff, 6);
        memcpy(f->from, "\x02\0\0\0\0\x01", 6);
        f->type[0] = FRAME_TYPE_HIGH;
        f->type[1] = FRAME_TYPE_LOW;
        vectors[i].iov_base = f;
        messages[i].msg_hdr.msg_iov = vectors + i;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
}

// Sends `count` frames from `number` on; how many went out.
static unsigned send_frames(int s, unsigned kind, unsigned long number, unsigned count, unsigned bytes)
{
    for (unsigned i = 0; i < count; i++) {
        if (verify || kind != FRAME_DATA)
            frame_fill(frame_at(i), kind, number + i, bytes);
        else
            frame_at(i)->kind = kind, frame_at(i)->number = number + i;
        vectors[i].iov_len = bytes;
    }
    int done = sendmmsg(s, messages, count, 0);
    if (done < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENETDOWN && errno != EIO && errno != ENXIO && errno != ENODEV)
        die("send to %s", tap);
    return done < 0 ? 0 : done;
}

// What the tap took from the VMM and lost, what it gave to the VMM and lost (/proc/net/dev, tuntap's point of view).
static void tap_counts(unsigned long *in, unsigned long *in_lost, unsigned long *out, unsigned long *out_lost)
{
    char line[512];
    FILE *f = fopen("/proc/self/net/dev", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *name = line + strspn(line, " ");
        size_t length = strlen(tap);
        if (!strncmp(name, tap, length) && name[length] == ':')
            sscanf(name + length + 1, "%*u %lu %*u %lu %*u %*u %*u %*u %*u %lu %*u %lu", in, in_lost, out, out_lost);
    }
    if (f)
        fclose(f);
}

int main(int argc, char **argv)
{
    int i;
    for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        static const struct { const char *name; unsigned long *value; } numbers[] = {
            { "queues=", &queues }, { "recv=", &to_receive }, { "send=", &to_send }, { "size=", &size }, { "window=", &window },
            { "flood=", &flood }, { "pass=", &pass }, { "delete=", &delete_after }, { "verify=", &verify }, { "deaf=", &deaf }, { "until=", &until },
        };
        unsigned n;
        for (n = 0; n < sizeof numbers / sizeof *numbers && strncmp(argv[i], numbers[n].name, strlen(numbers[n].name)); n++)
            ;
        if (n < sizeof numbers / sizeof *numbers)
            *numbers[n].value = number(argv[i] + strlen(numbers[n].name));
        else if (!strncmp(argv[i], "tap=", 4))
            tap = argv[i] + 4;
        else
            i = argc;
    }
    if (i >= argc - 1 || size < FRAME_MIN || size > sizeof frames[0] || !window) {
        fprintf(stderr, "usage: net-peer [NAME=VALUE...] -- COMMAND [ARGUMENT...]\n");
        return 2;
    }
    if (until) {
        to_send = ~0ul;
        signal(SIGUSR1, on_stop);
    }
    own_namespace();
    make_tap();
    unsigned char *ring;
    int s = open_packets(&ring);
    prepare();
    if (pass)
        pass_queues();
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[i + 1], argv + i + 1);
        die("run %s", argv[i + 1]);
    }

    if (pass)
        for (unsigned long q = 0; q < queues; q++)
            close(FIRST_PASSED + q);
    struct frame_row row = { 0 };
    unsigned long sent = 0, acked = 0, told = 0, batch = (window + 3) / 4;
    unsigned at = 0, quiet = 0;
    int started = deaf, status, ended = 0;
    struct timespec last_look = { 0 };
    for (;;) {
        int any = 0;
        for (unsigned n = 0; n < 256; n++) {
            struct tpacket2_hdr *header = (void *)(ring + (unsigned long)at * RING_FRAME);
            if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
                break;
            const struct frame *f = (void *)((unsigned char *)header + header->tp_mac);
            if (header->tp_len >= FRAME_MIN) {
                started = 1;
                if (f->kind == FRAME_DATA)
                    frame_row_add(&row, f, header->tp_snaplen, verify && header->tp_snaplen == header->tp_len);
                else if (f->kind == FRAME_ACK)
                    acked = f->number;
            }
            __atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
            at = (at + 1) % RING_FRAMES;
            any = 1;
        }
        if (stopping && until) {
            to_send = sent;
            until = 0;
        }
        if (row.received - told >= batch || (row.received != told && (row.received == to_receive || stopping)))
            if (send_frames(s, FRAME_ACK, row.received, 1, FRAME_MIN))
                told = row.received;
        if (started && (flood || (sent < to_send && sent - acked < window))) {
            unsigned long count = flood ? BATCH : to_send - sent;
            if (!flood && count > window - (sent - acked))
                count = window - (sent - acked);
            sent += send_frames(s, FRAME_DATA, sent, count < BATCH ? count : BATCH, size);
            any = 1;
        }
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (!any || now.tv_sec != last_look.tv_sec) {
            last_look = now;
            // A while after the acknowledgement, which the tap would lose with itself.
            if (delete_after && told >= delete_after && ++quiet == QUIET_LOOKS) {
                delete_tap();
                delete_after = 0;
            }
            if (ended)
                break;                          // one look more after the end: the ring may hold the last frames
            if (waitpid(child, &status, WNOHANG) == child) {
                ended = 1;
                continue;
            }
        }
        if (!any) {
            // Again and again, because nobody acknowledges it.
            if (stopping && !ended)
                send_frames(s, FRAME_STOP, sent, 1, FRAME_MIN);
            struct pollfd p = { .fd = s, .events = POLLIN };
            poll(&p, 1, 10);
        }
    }
    unsigned long in = 0, in_lost = 0, out = 0, out_lost = 0;
    tap_counts(&in, &in_lost, &out, &out_lost);
    struct tpacket_stats statistics = { 0 };
    socklen_t length = sizeof statistics;
    getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &statistics, &length);
    int ok = !row.lost && !row.reordered && !row.wrong && row.received >= to_receive && (flood || sent == to_send);
    printf("net-peer received %lu lost %lu reordered %lu wrong %lu sent %lu acked %lu tap_in %lu tap_in_lost %lu tap_out %lu tap_out_lost %lu missed %u %s\n",
        row.received, row.lost, row.reordered, row.wrong, sent, acked, in, in_lost, out, out_lost, statistics.tp_drops, ok ? "ok" : "FAILED");
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code ? code : ok ? 0 : 1;
}
