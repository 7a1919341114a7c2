// 4 KiB random reads at a fixed depth from the first disk, each checked against the pattern (lib/pattern.h).
// Options: qd=D (32), reqs=N (100000) or secs=T, seed=S (1, of the image), span=BYTES (whole disk), bs=BYTES (4096),
// verify=0 (do not look at the data), order=seq, rand=R (seed of the order), indirect=0, event=0.
#include "lib/blk.h"
#include "lib/pattern.h"

static struct blk disk;
static u64 sector_of[256];

static u64 next_random(u64 *state)              // xorshift64*
{
    u64 x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dul;
}

void main(void)
{
    u32 block = option_number("bs", 4096);
    u64 depth = option_number("qd", 32), limit = option_number("reqs", 100000), seconds = option_number("secs", 0);
    u64 seed = option_number("seed", 1), state = option_number("rand", 12345) * 2 + 1;
    bool verify = option_number("verify", 1), sequential = option_is("order", "seq");
    if (depth < 1 || depth > 256 || block < 512 || block % 512 || !blk_open(&disk, 0, depth, block))
        stop("usage");
    u64 span = option_number("span", 0) / 512;
    u64 blocks = (span && span < disk.capacity ? span : disk.capacity) / (block / 512);
    u64 khz = tsc_khz(), errors = 0, submitted = 0, done = 0;
    if (seconds)
        limit = ~0ul;
    if (!blocks)
        stop("the disk is smaller than one block");
    print("blk-read capacity %lu blocks %lu qd %u indirect %u event_idx %u\n", disk.capacity, blocks, disk.slots, disk.indirect, disk.queue.event_idx);

    u64 start = tsc(), deadline = seconds ? start + seconds * khz * 1000 : ~0ul, now = start;
    for (u16 slot = 0; slot < disk.slots && submitted < limit; slot++, submitted++) {
        sector_of[slot] = (sequential ? submitted % blocks : next_random(&state) % blocks) * (block / 512);
        blk_prepare(&disk, slot, BLK_IN, sector_of[slot], block);
    }
    queue_publish(&disk.queue);
    u64 progress = start;
    while (done < submitted) {
        u16 slot;
        u8 status;
        bool any = false;
        while (blk_take(&disk, &slot, &status)) {
            any = true;
            done++;
            long wrong = -1;
            if (status != BLK_OK || (verify && (wrong = pattern_check(blk_buffer(&disk, slot), sector_of[slot], block / 512, seed)) >= 0))
                if (errors++ < 5)
                    print("blk-read ERROR sector %lu status %u word %ld value %lx\n", sector_of[slot], status, wrong, wrong < 0 ? 0 : blk_buffer(&disk, slot)[wrong]);
            if (submitted < limit && now < deadline) {
                sector_of[slot] = (sequential ? submitted % blocks : next_random(&state) % blocks) * (block / 512);
                blk_prepare(&disk, slot, BLK_IN, sector_of[slot], block);
                submitted++;
            }
        }
        now = tsc();
        if (any) {
            queue_publish(&disk.queue);
            progress = now;
        } else if (now - progress > 20000 * (khz ? khz : 2000000)) {
            print("blk-read STALL done %lu of %lu status %x used %u\n", done, submitted, virtio_status(&disk.device), disk.queue.used->idx);
            power_off();
        } else
            pause();
    }
    u64 cycles = now - start;
    print("blk-read done %lu errors %lu kicks %lu cycles %lu", done, errors, disk.queue.kicks, cycles);
    if (khz)
        print(" ms %lu iops %lu", cycles / khz, (u64)(done * 1000 / (cycles / khz ? cycles / khz : 1)));
    print(errors ? " FAILED\n" : " ok\n");
    power_off();
}
