#include "guest.h"
#include "startinfo.h"

const char *command_line(void)
{
    const struct start_info *info = start_info();
    return info->magic == START_INFO_MAGIC && info->command_line_address ? (const char *)info->command_line_address : "";
}

static bool is_end(char c) { return c == 0 || c == ' ' || c == '\n'; }

const char *option(const char *name)
{
    const char *p = command_line();
    while (*p) {
        const char *n = name;
        while (*n && *p == *n)
            p++, n++;
        if (!*n && *p == '=')
            return p + 1;
        while (!is_end(*p))
            p++;
        while (*p && is_end(*p))
            p++;
    }
    return NULL;
}

bool option_is(const char *name, const char *value)
{
    const char *p = option(name);
    if (!p)
        return false;
    while (*value && *p == *value)
        p++, value++;
    return !*value && is_end(*p);
}

u64 option_number(const char *name, u64 otherwise)
{
    const char *p = option(name);
    if (!p)
        return otherwise;
    u64 v = 0;
    if (p[0] == '0' && p[1] == 'x') {
        for (p += 2; !is_end(*p); p++)
            v = v << 4 | ((*p | 0x20) >= 'a' ? (*p | 0x20) - 'a' + 10 : *p - '0');
        return v;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        v = v * 10 + *p - '0';
    switch (*p | 0x20) {
    case 'g': v <<= 10; // fall through
    case 'm': v <<= 10; // fall through
    case 'k': v <<= 10;
    }
    return v;
}
