// The checks of the machine guest: each prints details of what is wrong by wrong() and nothing when all is well.
#pragma once
#include "../lib/pci.h"
#include "../lib/startinfo.h"

void wrong(const char *what, u64 where, u64 value);

void check_memory(void); void check_acpi(void); void check_cpus(void); void check_clock(void);
void check_ports(void); void check_pages(void); void check_strings(void); void check_serial(void);
void check_pci(void); void check_ecam(void); void check_bars(void);
