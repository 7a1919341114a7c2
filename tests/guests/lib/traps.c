#include "guest.h"

struct gate {
    u16 low, selector;
    u8 ist, type;
    u16 middle;
    u32 high, zero;
};
extern struct gate idt[256];
extern char trap_entries[], interrupt_entries[], ring0_entry[];
extern u64 trap_vector, trap_error, trap_rip, trap_cs, trap_rsp, trap_cr2;
extern volatile u64 interrupt_counts[16];

#define INVALID_OPCODE 6

static void set_gate(u8 vector, const char *entry)
{
    u64 a = (u64)entry;
    idt[vector] = (struct gate){ .low = a, .selector = 8, .type = 0x8e, .middle = a >> 16, .high = a >> 32 };
    barrier();
}

// Reached by iretq from the trap stub, on a fresh stack.
__attribute__((used)) void trap_report(void)
{
    print("TRAP vector %lu error %lx rip %lx cs %lx rsp %lx cr2 %lx\n", trap_vector, trap_error, trap_rip, trap_cs, trap_rsp, trap_cr2);
    power_off();
}

void traps_on(void)
{
    for (u32 i = 0; i < 32; i++)
        set_gate(i, trap_entries + 16 * i);
}

void traps_off(void) { memset(idt, 0, 32 * sizeof idt[0]); }

u64 ring0_call(u64 (*routine)(u64), u64 argument)
{
    struct gate before = idt[INVALID_OPCODE];
    set_gate(INVALID_OPCODE, ring0_entry);
    u64 result = (u64)routine;
    asm volatile("ud2" : "+a"(result), "+D"(argument)::"rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
    idt[INVALID_OPCODE] = before;
    return result;
}

void interrupts_enable(void)
{
    extern u64 ring0_set_interrupt_flag(u64);
    outb(0x21, 0xff);                           // a PC's PICs, where there are some, would deliver the timer as vector 8
    outb(0xa1, 0xff);
    write32(0xfee000f0, 0x1ff);                 // spurious vector register: LAPIC on
    ring0_call(ring0_set_interrupt_flag, 0);
}

bool interrupt_vector(u8 vector)
{
    if (vector < 0x20 || vector > 0x2f)
        return false;
    set_gate(vector, interrupt_entries + 32 * (vector - 0x20));
    return true;
}

u64 interrupts_seen(u8 vector) { return interrupt_counts[vector - 0x20]; }
