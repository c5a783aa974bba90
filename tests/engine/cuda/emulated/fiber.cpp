/* fiber.cpp — switching stacks: by a few instructions on x86-64, by ucontext elsewhere. Address sanitizer must be told. */
#include "fiber.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define ASAN 1
#else
#define ASAN 0
#endif

#if defined(__x86_64__)
#define OWN_SWITCH 1
#else
#define OWN_SWITCH 0
#endif

namespace emulated {

static const size_t stack_bytes = ASAN ? (size_t)1 << 20 : (size_t)128 << 10, guard_bytes = 4096;

/* Called by the first entrance, on the new stack. */
static fiber *starting;
static void start() {
    fiber *const f = starting;
#if ASAN
    __sanitizer_finish_switch_fiber(nullptr, &f->outside_stack, &f->outside_bytes);
#endif
    f->body(f->user);
    abort();
}

#if OWN_SWITCH

/* Saves what a call must keep, changes stacks, and returns on the other one. */
extern "C" void emulated_switch_stack(void **from, void *to);
__asm__(".text\n"
        ".local emulated_switch_stack\n"
        ".type emulated_switch_stack, @function\n"
        "emulated_switch_stack:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size emulated_switch_stack, . - emulated_switch_stack\n");

static void prepare(fiber *f) {
    void **top = (void **)((char *)f->stack + guard_bytes + stack_bytes);
    *--top = nullptr; /* where start() would return to; keeps the stack aligned as a call does */
    *--top = (void *)start;
    for (int k = 0; k < 6; k++) *--top = nullptr;
    f->inside_pointer = top;
}

static void switch_in(fiber *f) { emulated_switch_stack(&f->outside_pointer, f->inside_pointer); }
static void switch_out(fiber *f) { emulated_switch_stack(&f->inside_pointer, f->outside_pointer); }

#else

static void prepare(fiber *f) {
    (void)getcontext(&f->inside);
    f->inside.uc_stack.ss_sp = (char *)f->stack + guard_bytes;
    f->inside.uc_stack.ss_size = stack_bytes;
    f->inside.uc_link = nullptr;
    makecontext(&f->inside, start, 0);
}

static void switch_in(fiber *f) { (void)swapcontext(&f->outside, &f->inside); }
static void switch_out(fiber *f) { (void)swapcontext(&f->inside, &f->outside); }

#endif

void fiber_open(fiber *f, void (*body)(void *), void *user) {
    *f = {};
    f->body = body;
    f->user = user;
    f->stack = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f->stack == MAP_FAILED) {
        fputs("emulated device: no memory for a thread's stack\n", stderr);
        abort();
    }
    (void)mprotect(f->stack, guard_bytes, PROT_NONE);
    prepare(f);
}

void fiber_enter(fiber *f) {
    starting = f;
#if ASAN
    __sanitizer_start_switch_fiber(&f->outside_fake, (char *)f->stack + guard_bytes, stack_bytes);
#endif
    switch_in(f);
#if ASAN
    __sanitizer_finish_switch_fiber(f->outside_fake, nullptr, nullptr);
#endif
}

void fiber_leave(fiber *f) {
#if ASAN
    __sanitizer_start_switch_fiber(&f->inside_fake, f->outside_stack, f->outside_bytes);
#endif
    switch_out(f);
#if ASAN
    __sanitizer_finish_switch_fiber(f->inside_fake, &f->outside_stack, &f->outside_bytes);
#endif
}

void fiber_close(fiber *f) {
    (void)munmap(f->stack, guard_bytes + stack_bytes);
    f->stack = nullptr;
}

} // namespace emulated
