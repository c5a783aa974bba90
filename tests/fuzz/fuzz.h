/* fuzz.h — what the fuzz targets share: their input, memory with a limit, and the life of a tiny network.
 *
 * An input begins with two bytes, so that a corpus stays readable text ("@@[net]…"):
 *   0  choices, the low 5 bits: dialect, backend, outputs, prepare, and one more that is the target's
 *   1  '@', or the number of the allocation that fails
 * A target checks what holds for any input; a broken promise ends the process, which the driver reports. */
#ifndef DN_FUZZ_H
#define DN_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "darknet/darknet.h"

#define FUZZ_REQUIRE(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) fuzz_broken(__FILE__, __LINE__, #condition);                                                 \
    } while (0)
_Noreturn void fuzz_broken(const char *file, int line, const char *text);

enum { FUZZ_PJREDDIE = 1, FUZZ_REF = 2, FUZZ_ALL = 4, FUZZ_UNFUSED = 8, FUZZ_OTHER = 16 };

typedef struct fuzz_memory {
    size_t given;     /* bytes, in all: beyond FUZZ_MEMORY nothing is given */
    int calls, alive; /* allocations; those not freed */
    int fail_at;      /* -1: none */
} fuzz_memory;
#define FUZZ_MEMORY ((size_t)64 << 20)

typedef struct fuzz_input {
    const uint8_t *bytes; /* after the two */
    size_t size;
    unsigned choice;
    fuzz_memory memory;
    dn_options options; /* with that memory, and a log that is read */
    uint64_t random;    /* depends on the bytes */
} fuzz_input;

/* False: too short to be one. */
bool fuzz_open(fuzz_input *input, const uint8_t *data, size_t size);
/* Everything was freed. */
void fuzz_close(const fuzz_input *input);

/* A failure says why; the same status is returned. */
dn_status fuzz_status(const fuzz_input *input, dn_status status, const dn_error *err);

/* From 0 to 1, now and then something that no file should hold: NaN, infinity, the largest float. */
float fuzz_value(uint64_t *random);
void fuzz_values(uint64_t *random, float *out, size_t count);

typedef struct fuzz_life {
    dn_cfg *cfg;
    dn_plan *plan;
    dn_weights *weights;
    dn_network *network;
} fuzz_life;

/* Cfg and plan, which is looked at; `weights` and `network` stay NULL. */
dn_status fuzz_plan(fuzz_life *life, fuzz_input *input, const char *text, size_t size, dn_plan_options plan_options);
/* Whether it takes some milliseconds at most. */
bool fuzz_is_small(const fuzz_life *life);
dn_status fuzz_network(fuzz_life *life, fuzz_input *input);
/* Forward, what can be asked, detect with every suppression. */
dn_status fuzz_forward(fuzz_life *life, fuzz_input *input);
void fuzz_free(fuzz_life *life);

#endif
