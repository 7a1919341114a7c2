#include "guest.h"

#define TRAMPOLINE 0x9000ul                     // below 1 MiB; the loader's own page tables lay there, unused since start.S
#define LAPIC 0xfee00000ul
#define ICR_LOW (LAPIC + 0x300)
#define ICR_HIGH (LAPIC + 0x310)

static void (*volatile second_entry)(void);
static volatile bool second_up;

// Called by smp.S in ring 3, aligned as after a call.
__attribute__((used, force_align_arg_pointer)) void smp_entry(void)
{
    second_up = true;
    second_entry();
    for (;;)
        pause();
}

// Ring 3 drives the LAPIC by its MMIO page, so it has to be in xAPIC mode, as it is after reset.
bool second_cpu_start(void (*entry)(void))
{
    extern const u8 trampoline[], trampoline_end[];
    second_entry = entry;
    memcpy((void *)TRAMPOLINE, trampoline, trampoline_end - trampoline);
    write32(ICR_HIGH, 1u << 24);                // APIC id 1
    write32(ICR_LOW, 0x4500);                   // INIT, assert
    delay_microseconds(10000);
    for (int attempt = 0; attempt < 2 && !second_up; attempt++) {
        write32(ICR_HIGH, 1u << 24);
        write32(ICR_LOW, 0x4600 | TRAMPOLINE >> 12);
        for (u64 start = tsc(); !second_up && milliseconds_since(start) < 500;)
            pause();
    }
    return second_up;
}
