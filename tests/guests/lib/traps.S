# Ring 0 entries of the trap and interrupt gates: as few instructions as can be, the work is done in ring 3 (traps.c).

.text
.code64
.set vector, 0
.globl trap_entries
trap_entries:                               # 32 entries of 16 bytes
.rept 32
    .balign 16
    .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    pushq $0
    .endif
    pushq $vector
    jmp trap
    .set vector, vector + 1
.endr

trap:                                       # frame: vector, error, rip, cs, rflags, rsp, ss
    popq trap_vector
    popq trap_error
    popq trap_rip
    popq trap_cs
    addq $8, %rsp
    popq trap_rsp
    movq %cr2, %rax
    movq %rax, trap_cr2
    pushq $user_stack0_top
    pushq $2
    pushq $0x23
    pushq $trap_report
    iretq

.set vector, 0
.globl interrupt_entries
interrupt_entries:                          # vectors 0x20..0x2f, 32 bytes each
.rept 16
    .balign 32
    incq interrupt_counts + 8 * vector
    pushq %rax
    movl $0xfee000b0, %eax                  # EOI
    movl $0, (%rax)
    popq %rax
    iretq
    .set vector, vector + 1
.endr

# Gate of the invalid opcode trap during ring0_call(): calls %rax in ring 0 with %rdi as its argument, then goes on after the
# ud2. (int $n would be the usual door; software KVMs do not emulate it.)
.globl ring0_entry
ring0_entry:
    addq $2, (%rsp)
    callq *%rax
    iretq

# As a ring 0 routine: sets IF in the caller's flags (frame above our return address).
.globl ring0_set_interrupt_flag
ring0_set_interrupt_flag:
    orq $0x200, 24(%rsp)
    ret

.bss
.balign 8
.globl trap_vector, trap_error, trap_rip, trap_cs, trap_rsp, trap_cr2, interrupt_counts
trap_vector: .quad 0
trap_error: .quad 0
trap_rip: .quad 0
trap_cs: .quad 0
trap_rsp: .quad 0
trap_cr2: .quad 0
interrupt_counts: .skip 8 * 16

.section .note.GNU-stack,"",@progbits
