#include "hotplug.h"

// In ring 3 a KVM without hardware help lets the host's own CPUID through.
static u64 address_bits(u64 leaf)
{
    u32 r[4];
    cpuid(leaf, 0, r);
    return r[0] & 0xff;
}

u64 hotplug_registers(void)
{
    // The platform's registers end 64 KiB below the end of the address space; the topmost page is the controller's.
    u64 registers = (u64)map_device((1ul << ring0_call(address_bits, 0x80000008)) - 0x10000 - PAGE, 16);
    write32(registers + HOTPLUG_SEGMENT, 0);
    return registers;
}
