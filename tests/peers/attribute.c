// Extended attributes, for guests and hosts whose shell has no program for them: attribute set FILE NAME VALUE, get FILE NAME, remove FILE NAME, list FILE. Prints the value, the names in a line
// each, or the error's name.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static int fail(void)
{
    printf("%s\n", errno == EOPNOTSUPP ? "EOPNOTSUPP" : errno == ENODATA ? "ENODATA" : errno == EROFS ? "EROFS" : strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    char value[65536];
    const char *what = argc > 2 ? argv[1] : "", *file = argc > 2 ? argv[2] : "", *name = argc > 3 ? argv[3] : "";
    if (!strcmp(what, "set") && argc == 5)
        return setxattr(file, name, argv[4], strlen(argv[4]), 0) ? fail() : 0;
    if (!strcmp(what, "remove") && argc == 4)
        return removexattr(file, name) ? fail() : 0;
    ssize_t length = !strcmp(what, "get") && argc == 4 ? getxattr(file, name, value, sizeof value)
        : !strcmp(what, "list") && argc == 3 ? listxattr(file, value, sizeof value) : (errno = EINVAL, -1);
    if (length < 0)
        return fail();
    for (ssize_t i = 0; i < length; i++)
        putchar(value[i] ? value[i] : '\n');
    if (*what == 'g')
        putchar('\n');
    return 0;
}
