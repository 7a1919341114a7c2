# Entry of every test guest: PVH (32-bit protected mode, %ebx = start_info) to long mode to ring 3.
#
# On a KVM that emulates guest ring 0 in software each instruction here costs about half a microsecond, while ring 3 runs
# natively. So ring 0 does only what ring 3 cannot: the page tables and the GDT are data made by the linker, and
# everything that is plain memory (IDT gates, more page-table entries, the second vCPU's trampoline) is written later by C
# code in ring 3, for which all of it is mapped. Ports work in ring 3 by the TSS I/O bitmap (IOPL does not survive there).

.section .note.Xen,"a",@note            # XEN_ELFNOTE_PHYS32_ENTRY
    .long 4, 4, 18
    .asciz "Xen"
    .long start32

.text
.code32
.globl start32
start32:
    movl %ebx, start_info_address
    movl $kernel_stack0_top, tss0 + 4
    movw $0x68, tss0 + 102              # I/O bitmap: zero bits allow every port
    movl $tss0, %eax                    # the base is scattered over the descriptor
    movw %ax, tss0_descriptor + 2
    shrl $16, %eax
    movb %al, tss0_descriptor + 4
    movb %ah, tss0_descriptor + 7
    movl $1f, %ebp                      # no stack while modes change
    jmp enable_long_mode
1:  ljmp $0x08, $long_bsp

# %ebp: where to go on afterwards. The second vCPU (smp.S) takes the same way.
.globl enable_long_mode
enable_long_mode:
    movl %cr4, %eax
    orl $0x620, %eax                    # PAE, OSFXSR, OSXMMEXCPT
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              # EFER
    rdmsr
    orl $0x101, %eax                    # SCE, LME
    wrmsr
    movl %cr0, %eax
    orl $0x80000003, %eax               # PG, MP, PE
    andl $~0x6000000c, %eax             # caches on, no x87 emulation, no TS
    movl %eax, %cr0
    lgdt gdtr
    jmp *%ebp

.code64
long_bsp:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x30, %ax
    ltr %ax
    lidt idtr
    movl $kernel_stack0_top, %esp
    pushq $0x1b                         # down to ring 3
    pushq $user_stack0_top
    pushq $2
    pushq $0x23
    pushq $start_user
    iretq

start_user:
    call main
    jmp power_off

.data
.balign 16
.globl gdt
gdt:
    .quad 0
    .quad 0x00af9b000000ffff            # 08 code, ring 0, 64 bit
    .quad 0x00cf93000000ffff            # 10 data, ring 0
    .quad 0x00cff3000000ffff            # 18 data, ring 3 (1b)
    .quad 0x00affb000000ffff            # 20 code, ring 3 (23)
    .quad 0x00cf9b000000ffff            # 28 code, ring 0, 32 bit (the second vCPU passes through it)
tss0_descriptor:                        # 30, limit = 0x68 + 8 KiB of bitmap + its end byte
    .word 0x2068, 0
    .byte 0, 0x89, 0, 0
    .quad 0
.globl tss1_descriptor
tss1_descriptor:                        # 40, for the second vCPU
    .word 0x2068, 0
    .byte 0, 0x89, 0, 0
    .quad 0
.globl gdtr
gdtr:
    .word . - gdt - 1
    .quad gdt
.globl idtr
idtr:
    .word 0xfff
    .quad idt
.globl start_info_address
start_info_address: .quad 0

# The low 4 GiB, identity mapped with 2 MiB pages that ring 3 may use; from 3 GiB up uncached (devices live there).
# The rest of the address space (64-bit BARs) is mapped on demand: map_device() in paging.c.
.section .pagetables,"aw",@progbits
.balign 4096
.globl pml4
pml4:
    .quad pdpt + 7
    .fill 511, 8, 0
.globl pdpt
pdpt:
    .quad pd + 0x0007
    .quad pd + 0x1007
    .quad pd + 0x2007
    .quad pd + 0x3007
    .fill 508, 8, 0
pd:
    .set address, 0
    .rept 1536
    .quad address + 0x87
    .set address, address + 0x200000
    .endr
    .rept 512
    .quad address + 0x9f
    .set address, address + 0x200000
    .endr

.bss
.balign 4096
.globl idt
idt: .skip 4096
tss0: .skip 0x3000                      # 0x68 bytes and 8 KiB of bitmap, a byte after its end
.skip 4096
kernel_stack0_top:
.skip 32768
.globl user_stack0_top
user_stack0_top: .skip 16

.section .note.GNU-stack,"",@progbits
