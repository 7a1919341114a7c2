// Uses the memory of an ivshmem device while its BAR moves. The memory holds the pattern of seed 1. Options: peer=1 (shares with a program of the host: says "ivshmem ready", waits for
// 1 in the first word, answers 2 there), rounds=N (200: sizes, moves and hides the BAR so often while vCPU 1, if there is one, reads).
#include "lib/pattern.h"
#include "lib/pci.h"

#define REDHAT 0x1af4
#define IVSHMEM 0x1110

static struct pci_device device;
static volatile u64 wanted, wrong_elsewhere, reads_elsewhere;
static volatile u64 *volatile watched;
static volatile bool over;

// All ones is what it reads while the BAR is not there; anything else has to be the memory.
static void watch(void)
{
    while (!over) {
        volatile u64 *at = watched;
        u64 seen = at ? *at : wanted;
        if (seen != wanted && seen != ~0ul)
            wrong_elsewhere++;
        reads_elsewhere++;
    }
    for (;;)
        pause();
}

static void decode(bool on)
{
    u16 command = pci_read16(&device, PCI_COMMAND) & ~PCI_COMMAND_MEMORY;
    pci_write16(&device, PCI_COMMAND, command | (on ? PCI_COMMAND_MEMORY : 0));
}

// Without switching decoding off: the memory has to follow at each of the two writes, or stay.
static void move_live(u64 address)
{
    pci_write32(&device, 0x18, address);
    pci_write32(&device, 0x1c, address >> 32);
}

void main(void)
{
    traps_on();
    if (!pci_find(REDHAT, IVSHMEM, 0, &device))
        stop("ivshmem: no device");
    u64 home = pci_bar(&device, 2), size = pci_bar_size(&device, 2), registers = pci_bar(&device, 0), failed = 0;
    u32 class = pci_read32(&device, 8);
    bool plain = pci_bar_size(&device, 0) == 0x100 && pci_bar_is_64(&device, 2) && !pci_capability(&device, PCI_CAP_MSIX, 0);
    u64 at = (u64)map_device(registers, PAGE);
    for (u64 o = 0; o < 0x100; o += 4) {
        write32(at + o, ~0u);
        plain &= !read32(at + o) && !read8(at + o + 3) && !read64(at + (o & ~7ul));
    }
    u8 *memory = map_device(home, size);
    long first = pattern_check((u64 *)memory, 0, size / 512, 1);
    print("ivshmem class %08x size %lu wrong %ld registers %u %s\n", class, size, first, plain,
          first < 0 && plain && class == 0x05000001 ? "ok" : "FAILED");
    if (option_number("peer", 0)) {
        print("ivshmem ready\n");
        volatile u64 *word = (u64 *)memory;
        for (u64 start = tsc(); *word != 1; pause())
            if (milliseconds_since(start) > 60000)
                stop("ivshmem: nobody answers");
        pattern_fill((u64 *)(memory + 512), 1, size / 512 - 1, 2);
        *word = 2;
        print("ivshmem answered\n");
        for (u64 start = tsc(); *word != 3; pause())
            if (milliseconds_since(start) > 60000)
                stop("ivshmem: nobody looks");
    }

    // The low window, above what the host has placed there, and another place of the high one.
    u64 places[] = { 0xd0000000ul, home, home + 64 * size, home, 0xd0000000ul + 2 * size };
    u8 *views[ARRAY_LENGTH(places)];
    for (u32 i = 0; i < ARRAY_LENGTH(places); i++)
        views[i] = map_device(places[i], size);
    wanted = *(u64 *)memory;
    watched = (u64 *)memory;
    bool second = option_number("cpus", 1) > 1 && second_cpu_start(watch);
    u64 rounds = option_number("rounds", 200), stamp = wanted, start = tsc();
    for (u64 i = 0; i < rounds; i++) {
        u32 place = i % ARRAY_LENGTH(places);
        watched = NULL;
        pci_bar_move(&device, 2, places[place]);
        volatile u64 *now = (u64 *)views[place], *end = (u64 *)(views[place] + size - 8);
        if (*now != stamp)
            failed++;
        watched = now;
        *end = i;                               // the last word is ours
        if (*end != i)
            failed++;
        decode(false);
        if (*now != ~0ul || *end != ~0ul)
            failed++;
        decode(true);
        if (pci_bar_size(&device, 2) != size || *now != stamp || *end != i)
            failed++;
    }
    pci_bar_move(&device, 2, home);
    watched = (u64 *)memory;
    print("ivshmem moved %lu failed %lu second %u wrong %lu ms %lu %s\n", rounds, failed, second, wrong_elsewhere, milliseconds_since(start),
          failed || wrong_elsewhere || (second && !reads_elsewhere) ? "FAILED" : "ok");

    // Where it cannot be: RAM, the interrupt controllers, ECAM, another BAR, the end of everything, half a place. It stays.
    failed = 0;
    u64 bad[] = { 0, 0x100000, 0x10000000, 0xfee00000, 0xfec00000, 0xe8000000, registers & ~(size - 1), ~(size - 1), 1ul << 62, home + (1ul << 50) };
    for (u32 i = 0; i < ARRAY_LENGTH(bad); i++) {
        move_live(bad[i]);
        if (*(volatile u64 *)memory != stamp)
            failed++, print("  lost it at %lx\n", bad[i]);
    }
    u64 *ram = allocate(PAGE, PAGE);
    *ram = 0x5a5a;
    move_live((u64)ram & ~(size - 1));
    failed += *(volatile u64 *)ram != 0x5a5a || *(volatile u64 *)memory != stamp;
    move_live(home);
    failed += *(volatile u64 *)memory != stamp;
    over = true;
    print("ivshmem misplaced %lu failed %lu %s\n", ARRAY_LENGTH(bad) + 1, failed, failed ? "FAILED" : "ok");
    power_off();
}
