# How the second vCPU gets from INIT/SIPI (16-bit real mode, at the page the SIPI names) to ring 3.

.section .rodata
.code16
.globl trampoline, trampoline_end
trampoline:                                 # copied to a page below 1 MiB; position independent but for its last jump
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl trampoline_gdtr - trampoline
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x28, $start32_ap
    .balign 4
trampoline_gdtr:
    .word 0x4f
    .long gdt
trampoline_end:

.text
.code32
start32_ap:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $kernel_stack1_top, tss1 + 4
    movw $0x68, tss1 + 102
    movl $tss1, %eax
    movw %ax, tss1_descriptor + 2
    shrl $16, %eax
    movb %al, tss1_descriptor + 4
    movb %ah, tss1_descriptor + 7
    movl $1f, %ebp
    jmp enable_long_mode
1:  ljmp $0x08, $long_ap

.code64
long_ap:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x40, %ax
    ltr %ax
    lidt idtr
    movl $kernel_stack1_top, %esp
    pushq $0x1b
    pushq $user_stack1_top
    pushq $2
    pushq $0x23
    pushq $smp_entry
    iretq

.bss
.balign 4096
tss1: .skip 0x3000
.skip 4096
kernel_stack1_top:
.skip 16384
user_stack1_top: .skip 16

.section .note.GNU-stack,"",@progbits
