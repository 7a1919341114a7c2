// Looks at the machine itself and abuses what is not a device of a plugin. Option case=NAME (one) or none (all that come back):
//   memory acpi cpus clock ports pages strings serial pci ecam bars
// and those that end the guest: triple (triple fault), reset, keyboard-reset, cmos-reset, hang (never ends), string-endless
// (an output instruction of 2^32 bytes), halt. Prints "machine NAME ok" or FAILED after each. cpus=N: vCPUs to expect (1).
#include "machine.h"

static u32 mistakes;
static const char *now;

static const struct { const char *name; void (*run)(void); } checks[] = {
    { "memory", check_memory }, { "acpi", check_acpi }, { "cpus", check_cpus }, { "clock", check_clock },
    { "ports", check_ports }, { "pages", check_pages }, { "strings", check_strings }, { "serial", check_serial },
    { "pci", check_pci }, { "ecam", check_ecam }, { "bars", check_bars },
};

void wrong(const char *what, u64 where, u64 value)
{
    if (mistakes++ < 12)
        print("  %s: %s at %lx: %lx\n", now, what, where, value);
}

static u64 halt(u64 unused)
{
    (void)unused;
    asm volatile("cli; hlt");
    return 0;
}

static void last_words(void)
{
    if (option_is("case", "triple")) {
        traps_off();
        asm volatile("ud2");
    }
    if (option_is("case", "reset"))
        outb(0x600, 1);
    if (option_is("case", "keyboard-reset"))
        outb(0x64, 0xfe);
    if (option_is("case", "cmos-reset")) {
        outb(0x70, 0x8f);
        outb(0x71, 0);
    }
    if (option_is("case", "hang"))
        for (;;)
            pause();
    if (option_is("case", "halt"))
        ring0_call(halt, 0);
    if (option_is("case", "string-endless")) {
        u64 count = 1ul << 32;
        const u8 *from = NULL;
        asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"((u16)0x80) : "memory");
    }
}

void main(void)
{
    traps_on();
    print("machine boot\n");
    u32 run = 0;
    for (u32 i = 0; i < ARRAY_LENGTH(checks); i++) {
        if (option("case") && !option_is("case", checks[i].name))
            continue;
        now = checks[i].name;
        mistakes = 0;
        u64 start = tsc();
        checks[i].run();
        print("machine %s %s ms %lu\n", now, mistakes ? "FAILED" : "ok", milliseconds_since(start));
        run++;
    }
    if (!run) {
        last_words();
        delay_microseconds(3000000);            // a VMM may act on it a little later
        stop("machine: no such case, or it came back");
    }
    print("machine end\n");
    power_off();
}
