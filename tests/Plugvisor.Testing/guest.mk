# Rules for freestanding guests, to be included by a makefile that sets GUESTS (programs, each of one file NAME.c beside it) and OUT (where they go):
#   include $(PLUGVISOR_GUEST)/guest.mk
# PLUGVISOR_GUEST is this folder; dotnet build hands it over. Needs only gcc and GNU make. A guest includes "lib/guest.h", "lib/pci.h" or "lib/virtio.h".
PLUGVISOR_GUEST := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
GUEST_CFLAGS = -std=gnu11 -ffreestanding -fno-strict-aliasing -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
	-mgeneral-regs-only -mno-red-zone -O2 -m64 -mcmodel=small -ffunction-sections -fdata-sections -fno-tree-loop-distribute-patterns -Wall -Wextra \
	-I$(PLUGVISOR_GUEST)
GUEST_LDFLAGS = -nostdlib -static -no-pie -Wl,-Ttext-segment=0x200000 -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack -Wl,--gc-sections -Wl,-e,start32 -Wl,--no-warn-rwx-segments
GUEST_SOURCES := $(PLUGVISOR_GUEST)/lib/start.S $(filter-out %/start.S,$(wildcard $(PLUGVISOR_GUEST)/lib/*.c $(PLUGVISOR_GUEST)/lib/*.S))
GUEST_OBJECTS := $(patsubst $(PLUGVISOR_GUEST)/%,$(OUT)/obj/%.o,$(GUEST_SOURCES))

guests: $(GUESTS:%=$(OUT)/%)

$(OUT)/%: $(OUT)/obj/%.c.o $(GUEST_OBJECTS)
	@gcc $(GUEST_LDFLAGS) -o $@ $^

$(OUT)/obj/lib/%.o: $(PLUGVISOR_GUEST)/lib/%
	@mkdir -p $(@D)
	@gcc $(GUEST_CFLAGS) -c -o $@ $<

$(OUT)/obj/%.c.o: %.c $(wildcard $(PLUGVISOR_GUEST)/lib/*.h)
	@mkdir -p $(@D)
	@gcc $(GUEST_CFLAGS) -c -o $@ $<

.PHONY: guests
.SECONDARY:
