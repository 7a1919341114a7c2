#include <stdarg.h>
#include "guest.h"

void put_char(char c) { outb(0x3f8, c); }

static void put_number(u64 v, u32 base, int width, char fill)
{
    char b[24];
    int n = 0;
    do
        b[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    for (int i = n; i < width; i++)
        put_char(fill);
    while (n)
        put_char(b[--n]);
}

void print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            put_char(*f);
            continue;
        }
        f++;
        char fill = ' ';
        int width = 0;
        if (*f == '0')
            fill = *f++;
        while (*f >= '0' && *f <= '9')
            width = width * 10 + *f++ - '0';
        bool is_long = *f == 'l';
        f += is_long;
        switch (*f) {
        case 'c': put_char(va_arg(args, int)); break;
        case 's': for (const char *s = va_arg(args, const char *); *s; s++) put_char(*s); break;
        case 'x': put_number(is_long ? va_arg(args, u64) : va_arg(args, u32), 16, width, fill); break;
        case 'u': put_number(is_long ? va_arg(args, u64) : va_arg(args, u32), 10, width, fill); break;
        case 'd': {
            s64 v = is_long ? va_arg(args, s64) : va_arg(args, int);
            if (v < 0) {
                put_char('-');
                v = -v;
            }
            put_number(v, 10, width, fill);
            break;
        }
        default: put_char(*f);
        }
    }
    va_end(args);
}
