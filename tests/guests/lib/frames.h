// Numbered Ethernet frames whose every byte can be checked: 14 bytes of Ethernet header, a kind, a number, and words that are a
// function of the number. Shared with tests/peers/net-peer.c, which is at the other end of the tap.
#pragma once
#include "pattern.h"

enum { FRAME_DATA = 0, FRAME_HELLO = 1, FRAME_ACK = 2, FRAME_STOP = 3 };
#define FRAME_TYPE_HIGH 0x88                    // 0x88b5: IEEE Std 802 local experimental ethertype 1
#define FRAME_TYPE_LOW 0xb5
#define FRAME_HEAD 24                           // up to the first word
#define FRAME_MIN 64

struct frame {
    unsigned char to[6], from[6], type[2];
    unsigned short kind;
    unsigned long number;                       // of a FRAME_ACK: how many data frames came; of a FRAME_STOP: how many there are
    unsigned long words[];
};

static inline void frame_fill(struct frame *f, unsigned kind, unsigned long number, unsigned size)
{
    f->kind = kind;
    f->number = number;
    unsigned long v = pattern_base(number, kind);
    unsigned i, words = (size - FRAME_HEAD) / 8;
    for (i = 0; i < words; i++, v += PATTERN_STEP)
        f->words[i] = v;
    for (unsigned at = FRAME_HEAD + 8 * words; at < size; at++, v >>= 8)
        ((unsigned char *)f)[at] = v;
}

// Whether the frame is what frame_fill makes for its kind and number.
static inline int frame_check(const struct frame *f, unsigned size)
{
    unsigned long v = pattern_base(f->number, f->kind), wrong = 0;
    unsigned i, words = (size - FRAME_HEAD) / 8;
    for (i = 0; i < words; i++, v += PATTERN_STEP)
        wrong |= f->words[i] ^ v;
    for (unsigned at = FRAME_HEAD + 8 * words; at < size; at++, v >>= 8)
        wrong |= ((const unsigned char *)f)[at] ^ (unsigned char)v;
    return !wrong;
}

// What a receiver knows of a row of frames.
struct frame_row {
    unsigned long next, received, lost, reordered, wrong;
};

static inline void frame_row_add(struct frame_row *r, const struct frame *f, unsigned size, int check)
{
    r->received++;
    if (f->number >= r->next) {
        r->lost += f->number - r->next;
        r->next = f->number + 1;
    } else {
        r->reordered++;
        if (r->lost)
            r->lost--;
    }
    if (check && !frame_check(f, size))
        r->wrong++;
}
