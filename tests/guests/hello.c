// The tiniest guest: one line, then power off. For the time from exec to the first output.
#include "lib/guest.h"

void main(void)
{
    print("hello\n");
    power_off();
}
