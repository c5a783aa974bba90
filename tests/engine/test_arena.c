/* test_arena.c — buffers with lifetimes get places that never collide. Offsets are worked out by hand. */
#include "base/arena.h"

#include "base/rng.h"
#include "harness.h"

static dn_status place(dn_lifetime *lifetimes, int count, size_t *total, dn_error *err) {
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    return dn_arena_place(lifetimes, count, total, &allocator, err);
}

static void test_nothing(void) {
    size_t total = 1;
    CHECK_EQ(place(NULL, 0, &total, NULL), DN_OK);
    CHECK_EQ(total, 0);
    dn_lifetime empty[] = {{0, 0, 5, 99}, {0, 3, 3, 99}};
    CHECK_EQ(place(empty, 2, &total, NULL), DN_OK);
    CHECK_EQ(total, 0);
    CHECK_EQ(empty[0].offset, 0);
    CHECK_EQ(empty[1].offset, 0);
}

/* 200 bytes take 256, 100 take 128; both are in use at op 1. */
static void test_at_the_same_time(void) {
    dn_lifetime buffers[] = {{100, 0, 1, 0}, {200, 1, 2, 0}};
    size_t total;
    CHECK_EQ(place(buffers, 2, &total, NULL), DN_OK);
    CHECK_EQ(buffers[1].offset, 0);
    CHECK_EQ(buffers[0].offset, 256);
    CHECK_EQ(total, 384);
}

/* In a chain, two places suffice: the third buffer lies where the first was. */
static void test_chain(void) {
    dn_lifetime buffers[] = {{64, 0, 1, 0}, {64, 1, 2, 0}, {64, 2, 3, 0}, {64, 3, 4, 0}};
    size_t total;
    CHECK_EQ(place(buffers, 4, &total, NULL), DN_OK);
    CHECK_EQ(buffers[0].offset, 0);
    CHECK_EQ(buffers[1].offset, 64);
    CHECK_EQ(buffers[2].offset, 0);
    CHECK_EQ(buffers[3].offset, 64);
    CHECK_EQ(total, 128);
}

/* 640 at 0; 512 beside it at 640; 448 lives with the 512 only: at 0; 192 lives with 512 and 448: the gap 448 … 640. */
static void test_gap(void) {
    dn_lifetime buffers[] = {{192, 3, 3, 0}, {448, 2, 4, 0}, {512, 1, 3, 0}, {640, 0, 1, 0}};
    size_t total;
    CHECK_EQ(place(buffers, 4, &total, NULL), DN_OK);
    CHECK_EQ(buffers[3].offset, 0);
    CHECK_EQ(buffers[2].offset, 640);
    CHECK_EQ(buffers[1].offset, 0);
    CHECK_EQ(buffers[0].offset, 448);
    CHECK_EQ(total, 1152);
}

static void test_refused(void) {
    dn_error err;
    size_t total = 7;
    dn_lifetime backwards[] = {{64, 2, 1, 0}};
    CHECK_EQ(place(backwards, 1, &total, &err), DN_E_ARGUMENT);
    dn_lifetime huge[] = {{SIZE_MAX / 2, 0, 0, 0}, {SIZE_MAX / 2, 0, 0, 0}};
    CHECK_EQ(place(huge, 2, &total, &err), DN_E_NOMEM);
    CHECK_EQ(total, 7);
}

static bool collide(const dn_lifetime *a, const dn_lifetime *b) {
    const bool in_time = a->first <= b->last && b->first <= a->last;
    const bool in_space = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
    return a->bytes > 0 && b->bytes > 0 && in_time && in_space;
}

/* Whatever the lifetimes: aligned, apart, within the total, which one buffer reaches. */
static void test_random(void) {
    enum { COUNT = 60 };
    dn_rng rng = {.seed = 5, .stream = 0, .counter = 0};
    for (int round = 0; round < 50; round++) {
        dn_lifetime buffers[COUNT];
        size_t total, end = 0;
        for (int k = 0; k < COUNT; k++) {
            const int first = (int)(dn_rng_next(&rng) % 40);
            buffers[k] = (dn_lifetime){dn_rng_next(&rng) % 5000, first, first + (int)(dn_rng_next(&rng) % 8), SIZE_MAX};
        }
        CHECK_EQ(place(buffers, COUNT, &total, NULL), DN_OK);
        for (int k = 0; k < COUNT; k++) {
            CHECK_EQ(buffers[k].offset % DN_ALIGNMENT, 0);
            const size_t rounded = (buffers[k].bytes + 63) / 64 * 64;
            if (buffers[k].offset + rounded > end) end = buffers[k].offset + rounded;
            for (int other = 0; other < k; other++) CHECK(!collide(&buffers[k], &buffers[other]));
        }
        CHECK_EQ(end, total);
    }
}

static dn_status place_with(const dn_options *options, void *user, dn_error *err) {
    (void)user;
    dn_lifetime buffers[] = {{100, 0, 1, 0}, {200, 1, 2, 0}};
    size_t total;
    return dn_arena_place(buffers, 2, &total, &options->allocator, err);
}

int main(void) {
    test_nothing();
    test_at_the_same_time();
    test_chain();
    test_gap();
    test_refused();
    test_random();
    check_every_allocation(place_with, NULL);
    return harness_result();
}
