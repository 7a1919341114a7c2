// api-clients SOCKET CLIENTS PAUSE_US REQUESTS WARMUP METHOD PATH [METHOD PATH]: what clients of an HTTP API on a Unix socket wait.
//
// One thread keeps CLIENTS connections. Each sends a request, waits for the answer, pauses PAUSE_US microseconds and sends again, WARMUP and then REQUESTS
// times; the beginnings are spread over the pause. With a second METHOD PATH a client sends the two in turn and only the first kind is timed (pause and
// resume). What follows a space in PATH is the body. A request that is answered by 409 (what it wants is not free yet) is sent again after a pause; only the
// one that succeeds counts. In C, and one thread, so that the clients take little of the processors that the server needs.
// Prints `requests N per_second R p50 A p90 B p99 C p999 D max E`, times in milliseconds. Exit: 0 done; 1 an answer was no success; 2 wrong usage.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct client {
    int fd, turn;
    long left;          // answers to go; more than `count` while warming up
    uint64_t sent, due; // when the last request went, when the next is to go (0: one is out)
};

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int fail(const char *what)
{
    fprintf(stderr, "api-clients: %s: %s\n", what, errno ? strerror(errno) : "no success");
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 8 && argc != 10) {
        fprintf(stderr, "usage: api-clients SOCKET CLIENTS PAUSE_US REQUESTS WARMUP METHOD PATH [METHOD PATH]\n");
        return 2;
    }
    long clients = atol(argv[2]), count = atol(argv[4]), warmup = atol(argv[5]), kinds = (argc - 6) / 2;
    uint64_t pause = strtoull(argv[3], NULL, 0) * 1000, *samples = calloc((size_t)(clients * count), sizeof *samples);
    struct client *all = calloc((size_t)clients, sizeof *all);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char text[2][1024];
    for (long k = 0; k < kinds; k++) {
        const char *path = argv[7 + 2 * k], *body = strchr(path, ' ');
        int length = snprintf(text[k], sizeof text[k], "%s %.*s HTTP/1.1\r\nHost: localhost\r\n", argv[6 + 2 * k], (int)strcspn(path, " "), path);
        size_t room = sizeof text[k] - (size_t)length;
        int more = body ? snprintf(text[k] + length, room, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body + 1), body + 1)
                        : snprintf(text[k] + length, room, "\r\n");
        if ((size_t)more >= room) return fail("the request is too long");
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < clients; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
        all[i].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        // The server may still be starting.
        for (uint64_t limit = now() + 30000000000u; (errno = connect(all[i].fd, (struct sockaddr *)&address, sizeof address) ? errno : 0);) {
            if ((errno != ENOENT && errno != ECONNREFUSED) || now() > limit) return fail(argv[1]);
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event)) return fail("epoll_ctl");
        all[i].left = count + warmup;
        all[i].due = now() + pause * (uint64_t)i / (uint64_t)clients;
    }

    uint64_t start = now();
    long got = 0, going = clients;
    while (going > 0) {
        uint64_t next = UINT64_MAX;
        for (long i = 0; i < clients; i++) {
            struct client *c = &all[i];
            if (c->due && c->due <= now()) {
                size_t length = strlen(text[c->turn]);
                c->due = 0;
                c->sent = now();
                if (write(c->fd, text[c->turn], length) != (ssize_t)length) return fail("write");
            }
            if (c->due && c->due < next) next = c->due;
        }
        uint64_t t = now();
        struct timespec wait = { .tv_nsec = next == UINT64_MAX ? 100000000 : next > t ? (long)(next - t) : 0 };
        struct epoll_event ready[64];
        int n = epoll_pwait2(epoll, ready, 64, &wait, NULL);
        if (n < 0 && errno != EINTR) return fail("epoll_pwait2");
        for (int i = 0; i < n; i++) {
            struct client *c = &all[ready[i].data.u32];
            char answer[8192];
            ssize_t length = read(c->fd, answer, sizeof answer);
            uint64_t took = now() - c->sent;
            errno = 0;
            if (length > 12 && !memcmp(answer, "HTTP/1.1 409", 12)) {
                c->due = now() + pause;
                continue;
            }
            if (length < 13 || memcmp(answer, "HTTP/1.1 20", 11)) return fail(text[c->turn]);
            if (c->turn == 0 && c->left-- <= count) samples[got++] = took;
            c->turn = (c->turn + 1) % (int)kinds;
            if (c->left > 0 || c->turn) c->due = now() + pause;
            else going--;
        }
    }
    double seconds = (double)(now() - start) / 1e9;
    qsort(samples, (size_t)got, sizeof *samples, ascending);
#define AT(share) ((double)samples[(long)((double)(got - 1) * (share))] / 1e6)
    printf("requests %ld per_second %.0f p50 %.3f p90 %.3f p99 %.3f p999 %.3f max %.3f\n", got, (double)got / seconds, AT(0.5), AT(0.9), AT(0.99),
        AT(0.999), AT(1.0));
    return 0;
}
