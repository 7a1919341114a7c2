// Frame of the hostile cases. A case abuses disk 0 and says with expect() what the device may do about it; expect() then looks
// whether disk 1 (if there is one) still works, resets disk 0 and checks that it reads what it should again.
#pragma once
#include "../lib/blk.h"
#include "../lib/pattern.h"

// What can come of a request; expectations are sets of these.
enum outcome {
    OK = 1, IOERR = 2, UNSUPPORTED = 4,
    RESET = 8,                                  // the device asks to be reset
    SILENT = 16,                                // nothing within the time given
    NO_STATUS = 32,                             // returned as used, the status byte untouched
    ANY = 63,
};

#define DATA_BYTES 65536u
extern struct blk disk, bystander;
extern bool has_bystander;
extern u64 seed;
extern struct blk_header *header;               // of the request being made up; normal() sets it to a read of sector 8
extern u8 *data;                                // DATA_BYTES, with PAGE bytes of canary on both sides
extern volatile u8 *status;                     // the status byte
extern struct descriptor *table;                // room for 65536 descriptors

void fail(const char *what);                    // the case has failed; it goes on
void descriptor(u16 index, u64 address, u32 length, u16 flags, u16 next);
void entry(u32 index, u64 address, u32 length, u16 flags, u16 next); // of the indirect table
void normal(void);                              // descriptors 0, 1, 2: a 512-byte read that is in order
void indirect(u32 length, u16 flags);           // descriptor 0 names the table
void normal_table(void);                        // the same read in the table, entries 0, 1, 2
void go(u16 head);                              // publishes this head and rings
enum outcome outcome(u32 milliseconds);
void expect(const char *what, u32 allowed);     // waits for the outcome of a request, then examines and recovers
void expect_now(const char *what, u32 allowed); // the same with a wait of 50 ms: for what should do nothing
void examine(const char *what);                 // bystander, reset, read, canary: for cases without an outcome
extern bool last_sector_at_risk;                // set when a case may have written it: examine() mends it
bool works(void);                               // a normal read on disk 0 without any reset
void restart(u64 without_features);             // reset and start with all features but these
u64 own_bar(void);                              // physical address of disk 0's registers
u32 used_length(void);                          // of the last used element taken by outcome()

void case_1(void); void case_2(void); void case_3(void); void case_4(void); void case_5(void); void case_6(void);
void case_7(void); void case_8(void); void case_9(void); void case_10(void); void case_11(void); void case_12(void);
void case_13(void); void case_14(void); void case_15(void); void case_16(void); void case_17(void); void case_18(void);
void case_19(void); void case_20(void); void case_21(void); void case_23(void); void case_24(void); void case_25(void);
void case_26(void); void case_27(void); void case_28(void); void case_29(void);
