// The PVH boot information (Xen public interface, hvm/start_info.h, version 1).
#pragma once
#include "guest.h"

struct start_info {
    u32 magic, version, flags, modules;
    u64 modules_address, command_line_address, rsdp_address, memmap_address;
    u32 memmap_entries, reserved;
};
struct memmap_entry {
    u64 address, size;
    u32 type, reserved;
};
#define START_INFO_MAGIC 0x336ec578u
#define MEMMAP_RAM 1

static inline const struct start_info *start_info(void)
{
    extern u64 start_info_address;
    return (const struct start_info *)start_info_address;
}
