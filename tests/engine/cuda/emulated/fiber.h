/* fiber.h — a piece of a program with a stack of its own, entered and left by hand. One enters at a time, and not from
 * inside another. */
#ifndef EMULATED_FIBER_H
#define EMULATED_FIBER_H

#include <stddef.h>
#include <ucontext.h>

namespace emulated {

struct fiber {
    ucontext_t inside, outside;
    void *inside_pointer, *outside_pointer; /* of the stack, where the switch is our own */
    void *stack;
    void (*body)(void *);
    void *user;
    void *inside_fake, *outside_fake; /* address sanitizer's */
    const void *outside_stack;
    size_t outside_bytes;
};

/* `body` never returns: it leaves. */
void fiber_open(fiber *f, void (*body)(void *), void *user);
void fiber_enter(fiber *f);
void fiber_leave(fiber *f);
void fiber_close(fiber *f);

} // namespace emulated

#endif
