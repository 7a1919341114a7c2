// vsock-peer - either end of a stream through a vsock device, in the guest (a static program) and beside it.
//
//   vsock-peer listen PORT            (guest) waits for one connection
//   vsock-peer connect CID PORT       (guest) connects
//   vsock-peer unix-listen PATH       (host)  waits for one connection of the guest: PATH is SOCKET_PORT
//   vsock-peer unix-connect PATH PORT (host)  connects to a port of the guest: PATH is SOCKET
//
// Standard input goes to the other end, which is told when it is over; what comes from there goes to standard output. Ends when both are over. Connecting is
// tried for a minute. Exit: 0 when both directions came to their end, else 1 with words.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIES = 600, WAIT_US = 100000 };

static char buffer[65536];

static void fail(const char *what) {
    fprintf(stderr, "vsock-peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_vm guest_address(const char *cid, const char *port) {
    struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_port = strtoul(port, NULL, 10) };
    address.svm_cid = cid ? strtoul(cid, NULL, 10) : VMADDR_CID_ANY;
    return address;
}

static struct sockaddr_un host_address(const char *path) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

static int accept_one(struct sockaddr *address, socklen_t size) {
    int listener = socket(address->sa_family, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, address, size) || listen(listener, 1)) fail("listen");
    int stream = accept(listener, NULL, NULL);
    if (stream < 0) fail("accept");
    close(listener);
    return stream;
}

// Asks for a port of the guest and takes the answer, byte by byte: what follows belongs to the stream. Whether there was one.
static int greet(int stream, const char *port) {
    char line[64];
    int length = snprintf(line, sizeof line, "CONNECT %s\n", port);
    if (write(stream, line, length) != length) return 0;
    for (unsigned i = 0; i < sizeof line; i++) {
        if (read(stream, line + i, 1) != 1) return 0;
        if (line[i] == '\n') return strncmp(line, "OK ", 3) == 0;
    }

    return 0;
}

static int connect_to(struct sockaddr *address, socklen_t size, const char *port) {
    for (int i = 0; i < TRIES; i++) {
        int stream = socket(address->sa_family, SOCK_STREAM, 0);
        if (stream < 0) fail("socket");
        if (connect(stream, address, size) == 0 && (!port || greet(stream, port))) return stream;
        close(stream);
        usleep(WAIT_US);
    }

    fail("connect");
    return -1;
}

static void copy(int from, int to) {
    ssize_t count;
    while ((count = read(from, buffer, sizeof buffer)) > 0) {
        for (ssize_t done = 0; done < count;) {
            ssize_t part = write(to, buffer + done, count - done);
            if (part < 0) fail("write");
            done += part;
        }
    }

    if (count < 0) fail("read");
}

int main(int count, char **arguments) {
    int stream;
    signal(SIGPIPE, SIG_IGN);
    if (count == 3 && !strcmp(arguments[1], "listen")) {
        struct sockaddr_vm address = guest_address(NULL, arguments[2]);
        stream = accept_one((struct sockaddr *)&address, sizeof address);
    } else if (count == 4 && !strcmp(arguments[1], "connect")) {
        struct sockaddr_vm address = guest_address(arguments[2], arguments[3]);
        stream = connect_to((struct sockaddr *)&address, sizeof address, NULL);
    } else if (count == 3 && !strcmp(arguments[1], "unix-listen")) {
        struct sockaddr_un address = host_address(arguments[2]);
        stream = accept_one((struct sockaddr *)&address, sizeof address);
    } else if (count == 4 && !strcmp(arguments[1], "unix-connect")) {
        struct sockaddr_un address = host_address(arguments[2]);
        stream = connect_to((struct sockaddr *)&address, sizeof address, arguments[3]);
    } else {
        fprintf(stderr, "usage: vsock-peer listen PORT | connect CID PORT | unix-listen PATH | unix-connect PATH PORT\n");
        return 2;
    }

    pid_t sender = fork();
    if (sender < 0) fail("fork");
    if (sender == 0) {
        close(1);
        copy(0, stream);
        shutdown(stream, SHUT_WR);
        return 0;
    }

    copy(stream, 1);
    // Who reads it may be who feeds the sender, and waits for its end.
    close(1);
    int status;
    waitpid(sender, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
