/* The switch from one stack to another: callee-saved registers on the stack, the stack pointer to
 * *save, then the same backwards from `load`. A dozen instructions on x86-64 and AArch64;
 * elsewhere, or with EMU_UCONTEXT, the C library's contexts, which cost two system calls a switch.
 */
#include "kernels/emu/switch.h"

#if EMU_SWITCH_ASSEMBLY

extern "C" EMU_HIDDEN void emu_switch(void **save, void *load);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl emu_switch\n"
        ".hidden emu_switch\n"
        ".type emu_switch, @function\n"
        "emu_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size emu_switch, . - emu_switch\n");

/* Six registers, the address to go to, and the return address it will never use. */
static void *first_frame(void *top, void (*enter)(void))
{
    void **frame = (void **)top - 8;
    for (int i = 0; i < 8; i++) {
        frame[i] = NULL;
    }
    frame[6] = (void *)enter;
    return frame;
}
#else /* AArch64 */
__asm__(".text\n"
        ".globl emu_switch\n"
        ".hidden emu_switch\n"
        ".type emu_switch, %function\n"
        "emu_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size emu_switch, . - emu_switch\n");

/* Twenty registers, of which x30 is the address to go to. */
static void *first_frame(void *top, void (*enter)(void))
{
    void **frame = (void **)top - 20;
    for (int i = 0; i < 20; i++) {
        frame[i] = NULL;
    }
    frame[11] = (void *)enter;
    return frame;
}
#endif

void emu_context_prepare(emu_context *context, void *low, void *top, void (*enter)(void))
{
    (void)low;
    context->stack_pointer = first_frame(top, enter);
}

void emu_context_switch(emu_context *from, const emu_context *to)
{
    emu_switch(&from->stack_pointer, to->stack_pointer);
}

#else

void emu_context_prepare(emu_context *context, void *low, void *top, void (*enter)(void))
{
    getcontext(&context->saved);
    context->saved.uc_stack.ss_sp = low;
    context->saved.uc_stack.ss_size = (size_t)((unsigned char *)top - (unsigned char *)low);
    context->saved.uc_link = NULL;
    makecontext(&context->saved, enter, 0);
}

void emu_context_switch(emu_context *from, const emu_context *to)
{
    swapcontext(&from->saved, &to->saved);
}

#endif
