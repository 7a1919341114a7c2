// mkpattern FILE SIZE [SEED]: makes an image of SIZE bytes (suffix K M G) that holds the pattern the guest blk-read checks.
// The file's blocks are written, not sparse, and synced, so that O_DIRECT reads reach the disk.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../tests/guests/lib/pattern.h"

#define CHUNK (4ul << 20)

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: mkpattern FILE SIZE[K|M|G] [SEED]\n");
        return 2;
    }
    char *suffix;
    unsigned long size = strtoul(argv[2], &suffix, 0), seed = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
    switch (*suffix | 0x20) {
    case 'g': size <<= 10; // fall through
    case 'm': size <<= 10; // fall through
    case 'k': size <<= 10;
    }
    unsigned long *chunk;
    int fd = open(argv[1], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0 || size % 512 || posix_memalign((void **)&chunk, 4096, CHUNK)) {
        fprintf(stderr, "mkpattern: %s, %lu bytes: %s\n", argv[1], size, fd < 0 ? strerror(errno) : "the size must be a multiple of 512");
        return 1;
    }
    for (unsigned long at = 0; at < size;) {
        unsigned long length = size - at < CHUNK ? size - at : CHUNK;
        pattern_fill(chunk, at / 512, length / 512, seed);
        for (unsigned long done = 0; done < length;) {
            ssize_t n = write(fd, (char *)chunk + done, length - done);
            if (n < 0 && errno != EINTR) {
                fprintf(stderr, "mkpattern: %s: %s\n", argv[1], strerror(errno));
                return 1;
            }
            done += n > 0 ? n : 0;
        }
        at += length;
    }
    if (fsync(fd) || close(fd)) {
        fprintf(stderr, "mkpattern: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    return 0;
}
