#include "guest.h"

#define PM_TIMER 0x608                          // here and on QEMU's q35
#define PM_TIMER_HZ 3579545ul

// The moment of a port read, known to half an exit's length: the middle of the two stamps around it.
static u32 pm_timer_at(u64 *when)
{
    u64 before = tsc();
    u32 v = inl(PM_TIMER) & 0xffffff;           // some have 24 bits only
    *when = before + (tsc() - before) / 2;
    return v;
}

u64 tsc_khz(void)
{
    static u64 khz;
    if (khz)
        return khz;
    khz = option_number("tsc_khz", 0);
    if (khz || (inl(PM_TIMER) == 0xffffffff && inl(PM_TIMER) == 0xffffffff))
        return khz;
    u64 start, now;
    u32 first = pm_timer_at(&start), ticks;
    do
        ticks = (pm_timer_at(&now) - first) & 0xffffff;
    while (ticks < PM_TIMER_HZ / 50);
    return khz = (now - start) * (PM_TIMER_HZ / 1000) / ticks;
}

u64 milliseconds_since(u64 start_tsc)
{
    u64 khz = tsc_khz();
    return (tsc() - start_tsc) / (khz ? khz : 2000000);
}

void delay_microseconds(u64 n)
{
    u64 khz = tsc_khz(), start = tsc();
    while (tsc() - start < n * (khz ? khz : 2000000) / 1000)
        pause();
}
