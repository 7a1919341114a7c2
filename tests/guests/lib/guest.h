// What every test guest has: types, ports, MMIO, printing on COM1, options, memory, time, power. Everything here runs in
// ring 3 with the low 4 GiB identity mapped. No libc: the few functions gcc insists on are in memory.c.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed long s64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096ul

static inline void barrier(void) { asm volatile("" ::: "memory"); }
static inline void fence(void) { asm volatile("mfence" ::: "memory"); }
static inline void pause(void) { asm volatile("pause" ::: "memory"); }

static inline void outb(u16 port, u8 v) { asm volatile("outb %0,%1" ::"a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { asm volatile("outw %0,%1" ::"a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { asm volatile("outl %0,%1" ::"a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) { u8 v; asm volatile("inb %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline u16 inw(u16 port) { u16 v; asm volatile("inw %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline u32 inl(u16 port) { u32 v; asm volatile("inl %1,%0" : "=a"(v) : "Nd"(port)); return v; }

// MMIO by plain moves of one size each, so that whoever emulates the access sees exactly this width.
#define MMIO_ACCESSORS(bits, suffix, reg) \
    static inline u##bits read##bits(u64 a) { u##bits v; asm volatile("mov" suffix " (%1),%0" : "=" reg(v) : "r"(a) : "memory"); return v; } \
    static inline void write##bits(u64 a, u##bits v) { asm volatile("mov" suffix " %0,(%1)" ::reg(v), "r"(a) : "memory"); }
MMIO_ACCESSORS(8, "b", "q")
MMIO_ACCESSORS(16, "w", "r")
MMIO_ACCESSORS(32, "l", "r")
MMIO_ACCESSORS(64, "q", "r")

static inline u64 tsc(void) { u32 a, d; asm volatile("rdtsc" : "=a"(a), "=d"(d)); return (u64)d << 32 | a; }
static inline void cpuid(u32 leaf, u32 sub, u32 r[4]) { asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub)); }

// print.c: COM1, no polling: the UART of a VMM is always ready. %u %d %x (and %lu ...), %s, %c, a width, 0-fill; nothing else.
void put_char(char c);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// memory.c
void *memcpy(void *to, const void *from, u64 n);
void *memset(void *to, int value, u64 n);
int memcmp(const void *a, const void *b, u64 n);
int strcmp(const char *a, const char *b);
void *allocate(u64 size, u64 alignment);        // zeroed, never freed, below 3 GiB; a guest out of memory says so and stops
u64 ram_end(void);                              // end of the RAM range that holds 1 MiB
u64 ram_top(void);                              // end of the highest RAM range

// options.c: the kernel command line from PVH start_info, words of the form name=value.
const char *command_line(void);
const char *option(const char *name);           // value (ends at a space or NUL) or NULL
u64 option_number(const char *name, u64 otherwise); // decimal or 0x..., suffix K M G
bool option_is(const char *name, const char *value);

// paging.c: maps [physical, +size) uncached: at its own address below 4 GiB, elsewhere above. Never unmapped; 32 ranges.
void *map_device(u64 physical, u64 size);

// time.c
u64 tsc_khz(void);                              // option tsc_khz=, else measured once against the PM timer; 0 if there is none
u64 milliseconds_since(u64 start_tsc);
void delay_microseconds(u64 n);                 // spins

// power.c
void power_off(void) __attribute__((noreturn));
void reset(void) __attribute__((noreturn));
void stop(const char *why) __attribute__((noreturn)); // prints "STOP why" and powers off

// traps.c: exceptions print where they happened and power off. Without traps_on() the IDT is empty: any fault is a triple fault.
void traps_on(void);
void traps_off(void);
bool interrupt_vector(u8 vector);               // sets up a vector in 0x20..0x2f to count interrupts and signal EOI
u64 interrupts_seen(u8 vector);
void interrupts_enable(void);
u64 ring0_call(u64 (*routine)(u64), u64 argument); // runs a routine in ring 0 (slow there: keep it to a few instructions)

// smp.c: starts vCPU 1 in ring 3 at `entry`; false when it does not show up within a second.
bool second_cpu_start(void (*entry)(void));

void main(void);
