// The registers by which the DSDT of Plugvisor's machine takes PCI devices in and lets go of them.
#pragma once
#include "guest.h"

enum { HOTPLUG_INSERTED = 0, HOTPLUG_REMOVED = 4, HOTPLUG_EJECT = 8, HOTPLUG_SEGMENT = 12 };

u64 hotplug_registers(void);                    // mapped; segment 0 is selected
