/* Stacks that take turns: a context is where one of them stopped. */
#ifndef TORC_EMU_SWITCH_H
#define TORC_EMU_SWITCH_H

#include <stddef.h>

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(EMU_UCONTEXT)
#define EMU_SWITCH_ASSEMBLY 1
typedef struct emu_context {
    void *stack_pointer;
} emu_context;
#else
#define EMU_SWITCH_ASSEMBLY 0
#include <ucontext.h>
typedef struct emu_context {
    ucontext_t saved;
} emu_context;
#endif

#define EMU_HIDDEN __attribute__((visibility("hidden")))

/* The first switch to it calls enter() on the stack low .. top, top a multiple of 16; enter must
 * not return. */
void emu_context_prepare(emu_context *context, void *low, void *top, void (*enter)(void));

/* Stops here and goes on there; returns when somebody switches back. */
void emu_context_switch(emu_context *from, const emu_context *to);

#endif
