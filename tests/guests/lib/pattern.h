// What a test image holds: every 8-byte word is a function of its 512-byte sector, its place in it and a seed, so any block
// can be checked alone. One multiplication per sector and one addition per word: checking 4 KiB takes well below a microsecond.
// Shared with bench/mkpattern.c, which writes such images.
#pragma once

#define PATTERN_WORDS 64                        // words in a sector
#define PATTERN_STEP 0x9e3779b97f4a7c15ul

static inline unsigned long pattern_base(unsigned long sector, unsigned long seed)
{
    unsigned long z = (sector + 1) * PATTERN_STEP ^ (seed + 0x632be59bd9b4e019ul) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ z >> 27) * 0x94d049bb133111ebul;
    return z ^ z >> 31;
}

static inline void pattern_fill(unsigned long *words, unsigned long sector, unsigned long sectors, unsigned long seed)
{
    for (; sectors--; sector++) {
        unsigned long v = pattern_base(sector, seed);
        for (int i = 0; i < PATTERN_WORDS; i++, v += PATTERN_STEP)
            *words++ = v;
    }
}

// The number of the first wrong word, or -1.
static inline long pattern_check(const unsigned long *words, unsigned long sector, unsigned long sectors, unsigned long seed)
{
    const unsigned long *start = words;
    for (; sectors--; sector++) {
        unsigned long v = pattern_base(sector, seed), wrong = 0;
        for (int i = 0; i < PATTERN_WORDS; i++, v += PATTERN_STEP)
            wrong |= words[i] ^ v;
        if (wrong) {
            v = pattern_base(sector, seed);
            while (*words == v)
                words++, v += PATTERN_STEP;
            return words - start;
        }
        words += PATTERN_WORDS;
    }
    return -1;
}
