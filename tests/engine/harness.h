/* harness.h — counting checks, and an allocator that counts what lives and fails on demand.
 *
 *   int main(void) {
 *       test_this();
 *       return harness_result();
 *   }
 */
#ifndef DN_TEST_HARNESS_H
#define DN_TEST_HARNESS_H

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "darknet/darknet.h"

static atomic_int harness_passed, harness_failed;

static inline bool harness_check(bool good, const char *file, int line, const char *text) {
    atomic_fetch_add(good ? &harness_passed : &harness_failed, 1);
    if (!good) fprintf(stderr, "%s:%d: %s\n", file, line, text);
    return good;
}

static inline bool harness_equal(long long a, long long b, const char *file, int line, const char *text) {
    if (a != b) fprintf(stderr, "%lld is not %lld: ", a, b);
    return harness_check(a == b, file, line, text);
}

static inline bool harness_same_text(const char *a, const char *b, const char *file, int line, const char *text) {
    const bool same = a && b && strcmp(a, b) == 0;
    if (!same) fprintf(stderr, "\"%s\" is not \"%s\": ", a ? a : "(none)", b ? b : "(none)");
    return harness_check(same, file, line, text);
}

static inline bool harness_has(const char *a, const char *part, const char *file, int line, const char *text) {
    const bool has = a && strstr(a, part) != NULL;
    if (!has) fprintf(stderr, "\"%s\" does not contain \"%s\": ", a ? a : "(none)", part);
    return harness_check(has, file, line, text);
}

static inline bool harness_near(double a, double b, double tolerance, const char *file, int line, const char *text) {
    const bool near = fabs(a - b) <= tolerance; /* false for NaN */
    if (!near) fprintf(stderr, "%.9g is not %.9g ± %g: ", a, b, tolerance);
    return harness_check(near, file, line, text);
}

/* Each gives whether it held, for `if (!CHECK(…)) return;`. */
#define CHECK(condition)   harness_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(a, b)     harness_equal((long long)(a), (long long)(b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_TEXT(a, b)   harness_same_text((a), (b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_HAS(a, part) harness_has((a), (part), __FILE__, __LINE__, #a " contains " #part)
#define CHECK_NEAR(a, b, tolerance)                                                                                    \
    harness_near((double)(a), (double)(b), (double)(tolerance), __FILE__, __LINE__, #a " is about " #b)

static inline int harness_result(void) {
    const int failed = atomic_load(&harness_failed);
    printf("%d passed, %d failed\n", atomic_load(&harness_passed), failed);
    return failed || atomic_load(&harness_passed) == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A program of tests run as `PROGRAM LIBRARY` is of the cuda backend in that library, otherwise of those built in; the
 * list ends with NULL. */
static inline const char *const *harness_backends(int count, char **arguments) {
    static const char *const built_in[] = {"ref", "cpu", NULL}, *const loaded[] = {"cuda", NULL};
    dn_error err = {0};
    if (count < 2) return built_in;
    if (!CHECK_EQ(dn_backend_load(arguments[1], &err), DN_OK)) fprintf(stderr, "%s\n", err.message);
    return loaded;
}

/* Usable from several threads. Fresh memory is filled with rubbish, so that nobody relies on zeros. */
typedef struct test_memory {
    atomic_int live, calls;
    int fail_at; /* the call that gets nothing, counted from 0; -1 = none */
} test_memory;
#define TEST_MEMORY(fail_at_call) {0, 0, (fail_at_call)}

static inline void *test_memory_alloc(void *user, size_t bytes, size_t alignment) {
    test_memory *memory = user;
    if (atomic_fetch_add(&memory->calls, 1) == memory->fail_at) return NULL;
    const size_t whole = (bytes + alignment - 1) / alignment * alignment;
    void *pointer = aligned_alloc(alignment, whole);
    if (!pointer) return NULL;
    memset(pointer, 0xA5, whole);
    atomic_fetch_add(&memory->live, 1);
    return pointer;
}

static inline void test_memory_free(void *user, void *pointer) {
    test_memory *memory = user;
    if (pointer) atomic_fetch_sub(&memory->live, 1);
    free(pointer);
}

static inline dn_allocator test_memory_allocator(test_memory *memory) {
    return (dn_allocator){test_memory_alloc, test_memory_free, memory};
}

static inline dn_options test_memory_options(test_memory *memory) {
    dn_options options = DN_OPTIONS_INIT;
    options.allocator = test_memory_allocator(memory);
    return options;
}

/* Runs `body` with the first, the second, … allocation failing until it succeeds. `body` returns the status of what it
 * tried and frees what it made. */
typedef dn_status (*test_memory_body)(const dn_options *options, void *user, dn_error *err);
static inline void check_every_allocation(test_memory_body body, void *user) {
    for (int fail_at = 0; fail_at < 100000; ++fail_at) {
        test_memory memory = TEST_MEMORY(fail_at);
        const dn_options options = test_memory_options(&memory);
        dn_error err = {0};
        const dn_status status = body(&options, user, &err);
        CHECK_EQ(atomic_load(&memory.live), 0);
        if (status == DN_OK) {
            CHECK(fail_at > 0);                           /* something was allocated        */
            CHECK(atomic_load(&memory.calls) <= fail_at); /* and no failure was passed over */
            return;
        }
        if (!CHECK_EQ(status, DN_E_NOMEM)) {
            fprintf(stderr, "%s\n", err.message);
            return;
        }
        CHECK_EQ(err.status, DN_E_NOMEM);
        CHECK(err.message[0] != '\0');
        CHECK(err.needed > 0);
    }
    CHECK(!"it never succeeds");
}

#endif
