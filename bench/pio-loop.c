// pio-loop GUEST [COMMAND LINE]: the smallest VMM in C that runs a test guest (a PVH ELF file) with a serial port, a PM timer and
// a power-off register. The guest pio-loop prints what one port exit costs; run in this VMM it is the measure for ours.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RAM (128ul << 20)
#define START_INFO 0x6000
#define MEMMAP 0x7000
#define COMMAND_LINE 0x20000

static uint8_t *ram;

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pio-loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

// Loads the segments and returns the entry point that the PVH note (type 18, owner Xen) names.
static uint64_t load(const char *path)
{
    static uint8_t file[4 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0, path);
    ssize_t size = read(fd, file, sizeof file);
    close(fd);
    Elf64_Ehdr *e = (void *)file;
    errno = EINVAL;
    check(size > (ssize_t)sizeof *e && !memcmp(e->e_ident, ELFMAG, SELFMAG) && e->e_phoff + e->e_phnum * sizeof(Elf64_Phdr) <= (size_t)size, path);
    Elf64_Phdr *p = (void *)(file + e->e_phoff);
    uint64_t entry = 0;
    for (int i = 0; i < e->e_phnum; i++) {
        check(p[i].p_offset + p[i].p_filesz <= (size_t)size, path);
        if (p[i].p_type == PT_LOAD) {
            check(p[i].p_paddr + p[i].p_memsz <= RAM && p[i].p_filesz <= p[i].p_memsz, path);
            memcpy(ram + p[i].p_paddr, file + p[i].p_offset, p[i].p_filesz);
        } else if (p[i].p_type == PT_NOTE) {
            uint32_t *note = (void *)(file + p[i].p_offset);
            if (note[2] == 18)
                entry = note[4];
        }
    }
    check(entry != 0, "no PVH note");
    return entry;
}

static void boot_info(const char *command_line)
{
    struct { uint32_t magic, version, flags, modules; uint64_t modlist, command_line, rsdp, memmap; uint32_t entries, reserved; }
        info = { 0x336ec578, 1, 0, 0, 0, COMMAND_LINE, 0, MEMMAP, 1, 0 };
    struct { uint64_t address, size; uint32_t type, reserved; } map = { 0, RAM, 1, 0 };
    memcpy(ram + START_INFO, &info, sizeof info);
    memcpy(ram + MEMMAP, &map, sizeof map);
    strncpy((char *)ram + COMMAND_LINE, command_line, 2047);
}

static void set_registers(int vcpu, uint64_t entry)
{
    struct kvm_sregs s;
    check(!ioctl(vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
    struct kvm_segment code = { .base = 0, .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .db = 1, .g = 1 };
    struct kvm_segment data = code;
    data.selector = 16;
    data.type = 3;
    s.cs = code;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    s.tr = (struct kvm_segment){ .limit = 0x67, .selector = 24, .type = 11, .present = 1 };
    s.cr0 = 1;
    s.cr4 = 0;
    check(!ioctl(vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
    struct kvm_regs r = { .rip = entry, .rbx = START_INFO, .rflags = 2 };
    check(!ioctl(vcpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

static uint32_t pm_timer(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)((uint64_t)t.tv_sec * 3579545 + (uint64_t)t.tv_nsec * 3579545 / 1000000000);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: pio-loop GUEST [COMMAND LINE]\n");
        return 2;
    }
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    check(kvm >= 0, "/dev/kvm");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    check(vm >= 0, "KVM_CREATE_VM");
    struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } }; // as our VMM has it
    check(!ioctl(vm, KVM_SET_TSS_ADDR, 0xf8000000ul) && !ioctl(vm, KVM_ENABLE_CAP, &split), "interrupt controller");
    ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(ram != MAP_FAILED, "guest memory");
    struct kvm_userspace_memory_region slot = { 0, 0, 0, RAM, (uintptr_t)ram };
    check(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    check(vcpu >= 0, "KVM_CREATE_VCPU");
    static struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[256]; } cpuid = { .head.nent = 256 };
    check(!ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) && !ioctl(vcpu, KVM_SET_CPUID2, &cpuid), "CPUID");
    struct kvm_run *run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    check(run != MAP_FAILED, "vCPU memory");
    uint64_t entry = load(argv[1]);
    boot_info(argc > 2 ? argv[2] : "");
    set_registers(vcpu, entry);

    for (unsigned long exits = 0;; exits++) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) {
            check(errno == EINTR || errno == EAGAIN, "KVM_RUN");
            continue;
        }
        uint8_t *data = (uint8_t *)run + run->io.data_offset;
        switch (run->exit_reason) {
        case KVM_EXIT_IO:
            if (run->io.direction == KVM_EXIT_IO_IN) {
                memset(data, 0xff, (size_t)run->io.size * run->io.count);
                if (run->io.port == 0x608 && run->io.size == 4)
                    *(uint32_t *)data = pm_timer();
            } else if (run->io.port == 0x3f8) {
                check(write(1, data, run->io.count) >= 0, "standard output");
            } else if (run->io.port == 0x600 && *data == 0x34) {
                return 0;
            }
            break;
        case KVM_EXIT_MMIO:
            memset(run->mmio.data, 0xff, 8);
            break;
        default:
            fprintf(stderr, "pio-loop: exit %u after %lu exits\n", run->exit_reason, exits);
            return 1;
        }
    }
}
