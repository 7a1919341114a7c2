// Times port exits. Options: reqs=N (exits, 20000), port=P (0x80).
#include "lib/guest.h"

void main(void)
{
    u64 n = option_number("reqs", 20000);
    u16 port = option_number("port", 0x80);
    for (u64 i = 0; i < n / 10; i++)            // warm up
        outb(port, 0);
    u64 start = tsc();
    for (u64 i = 0; i < n; i++)
        outb(port, 0);
    u64 cycles = tsc() - start;
    u64 khz = tsc_khz();
    print("pio-loop exits %lu cycles_per_exit %lu", n, cycles / n);
    if (khz)
        print(" ns_per_exit %lu", cycles / n * 1000000 / khz);
    print("\n");
    power_off();
}
