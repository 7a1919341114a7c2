// Blocks that say in which order they were written: word 0 the sequence number, word 1 a mark, the rest the pattern of this
// sector under a seed that includes the number. Sequence number s (from 1) goes to block (s - 1) % blocks.
#pragma once
#include "guest.h"
#include "pattern.h"

#define SEQUENCE_BLOCK 4096u
#define SEQUENCE_MARK 0x73657175656e6365ul      // "sequence"

static inline u64 sequence_seed(u64 seed, u64 number) { return seed + number * 0xd1342543de82ef95ul; }

static inline void sequence_fill(u64 *words, u64 block, u64 number, u64 seed)
{
    pattern_fill(words, block * 8, 8, sequence_seed(seed, number));
    words[0] = number;
    words[1] = SEQUENCE_MARK;
}

// The number this block was written with, whole and at the right place; 0 if it is anything else. Changes the two first words.
static inline u64 sequence_check(u64 *words, u64 block, u64 seed)
{
    u64 number = words[0];
    if (words[1] != SEQUENCE_MARK || !number)
        return 0;
    words[0] = pattern_base(block * 8, sequence_seed(seed, number));
    words[1] = words[0] + PATTERN_STEP;
    return pattern_check(words, block * 8, 8, sequence_seed(seed, number)) < 0 ? number : 0;
}
