/* test_base.c — status, memory, blocks, numbers, bytes, random numbers. */
#include "harness.h"

#include "base/block.h"
#include "base/log.h"
#include "base/number.h"
#include "base/reader.h"
#include "base/rng.h"

/* ---------------------------------------------------------------- status and log */

static void test_status(void) {
    static const dn_status all[] = {DN_OK,      DN_E_NOMEM,   DN_E_ARGUMENT,    DN_E_PARSE,
                                    DN_E_SHAPE, DN_E_WEIGHTS, DN_E_UNSUPPORTED, DN_E_DEVICE};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        for (size_t k = 0; k < i; ++k) CHECK(strcmp(dn_status_name(all[i]), dn_status_name(all[k])) != 0);
    }
    CHECK_TEXT(dn_status_name((dn_status)99), "unknown status");
    CHECK(dn_version()[0] != '\0');

    dn_error err;
    memset(&err, 0x5A, sizeof err);
    CHECK_EQ(dn_fail(&err, DN_E_SHAPE, "%d of %s", 3, "these"), DN_E_SHAPE);
    CHECK_EQ(err.status, DN_E_SHAPE);
    CHECK_TEXT(err.message, "3 of these");
    CHECK(err.line == 0 && err.layer == -1 && err.needed == 0);
    CHECK(!err.section[0] && !err.key[0] && !err.expected[0] && !err.found[0]);
    dn_error_expected(&err, "%d", 4);
    dn_error_found(&err, "%d", 5);
    dn_error_where(&err, 7, "route", "layers", 12);
    dn_error_where(&err, 8, "conv", "size", 13); /* the lower level has the word */
    CHECK_TEXT(err.expected, "4");
    CHECK_TEXT(err.found, "5");
    CHECK_TEXT(err.section, "route");
    CHECK_TEXT(err.key, "layers");
    CHECK(err.layer == 7 && err.line == 12);

    CHECK_EQ(dn_fail(NULL, DN_E_PARSE, "nobody listens"), DN_E_PARSE);
    dn_error_expected(NULL, "x");
    dn_error_found(NULL, "x");
    dn_error_where(NULL, 0, "x", "x", 1);
}

/* A text that is cut ends with a whole character. */
static void test_cut_texts(void) {
    dn_error err;
    for (size_t lead = 0; lead < 6; ++lead) {
        char text[200] = "";
        memset(text, 'a', lead);
        while (strlen(text) < 150) strcat(text, "😀"); /* 4 bytes */
        dn_fail(&err, DN_E_PARSE, "x");
        dn_error_found(&err, "%s", text);
        dn_error_where(&err, -1, text, text, 1);
        CHECK_EQ((strlen(err.found) - lead) % 4, 0);
        CHECK_EQ((strlen(err.key) - lead) % 4, 0);
        CHECK_EQ((strlen(err.section) - lead) % 4, 0);
        CHECK(strlen(err.found) > 90 && strlen(err.key) > 58 && strlen(err.section) > 26);
    }
}

static void keep_message(void *user, dn_log_level level, const char *message) {
    snprintf(user, 64, "%d %s", (int)level, message);
}

static void test_log(void) {
    char kept[64] = "";
    dn_options options = DN_OPTIONS_INIT;
    dn_log(NULL, DN_LOG_INFO, "nobody listens");
    dn_log(&options, DN_LOG_INFO, "nobody listens");
    options.log = keep_message;
    options.log_user = kept;
    dn_log(&options, DN_LOG_WARNING, "%s %d", "line", 4);
    CHECK_TEXT(kept, "30 line 4");
}

/* ---------------------------------------------------------------- memory */

static void test_sizes(void) {
    size_t result = 1;
    CHECK(dn_mul_size(6, 7, &result) && result == 42);
    CHECK(dn_mul_size(SIZE_MAX, 0, &result) && result == 0);
    CHECK(dn_mul_size(SIZE_MAX, 1, &result) && result == SIZE_MAX);
    CHECK(!dn_mul_size(SIZE_MAX / 2 + 1, 2, &result));
    CHECK(dn_add_size(SIZE_MAX - 1, 1, &result) && result == SIZE_MAX);
    CHECK(!dn_add_size(SIZE_MAX, 1, &result));
    CHECK(dn_round_up(0, 64) == 0 && dn_round_up(1, 64) == 64 && dn_round_up(64, 64) == 64);
}

static bool all_zero(const void *memory, size_t bytes) {
    const unsigned char *at = memory;
    for (size_t i = 0; i < bytes; ++i) {
        if (at[i]) return false;
    }
    return true;
}

static void test_alloc(void) {
    test_memory memory = TEST_MEMORY(2);
    const dn_options options = test_memory_options(&memory);
    const dn_allocator allocator = dn_allocator_or_default(&options);
    dn_error err;
    void *first = NULL;
    void *empty = NULL;
    void *untouched = &err;
    CHECK_EQ(dn_alloc(&allocator, &first, 10, 7, "things", &err), DN_OK);
    CHECK((uintptr_t)first % DN_ALIGNMENT == 0 && all_zero(first, 70));
    CHECK_EQ(dn_alloc(&allocator, &empty, 0, 8, "nothing", &err), DN_OK);
    CHECK(empty != NULL && empty != first);
    CHECK_EQ(dn_alloc(&allocator, &untouched, 5, 8, "things", &err), DN_E_NOMEM);
    CHECK(untouched == &err && err.needed == 40);
    CHECK_HAS(err.message, "40 bytes of things");
    CHECK_EQ(dn_alloc(&allocator, &untouched, SIZE_MAX / 2, 8, "things", &err), DN_E_NOMEM);
    CHECK_EQ(dn_alloc_dirty(&allocator, &untouched, SIZE_MAX, 1, "things", NULL), DN_E_NOMEM);
    memory.fail_at = 3;
    CHECK_EQ(dn_alloc(&allocator, &untouched, 0, 8, "nothing", &err), DN_E_NOMEM);
    CHECK_EQ(err.needed, 1);                 /* also nothing takes a byte: an address of its own */
    CHECK_EQ(atomic_load(&memory.calls), 4); /* sizes that cannot be are not asked for */
    CHECK(untouched == &err);
    dn_free(&allocator, first);
    dn_free(&allocator, empty);
    dn_free(&allocator, NULL);
    CHECK_EQ(atomic_load(&memory.live), 0);

    const dn_allocator system = dn_allocator_or_default(NULL);
    CHECK_EQ(dn_alloc(&system, &first, 3, 1, "things", &err), DN_OK);
    CHECK((uintptr_t)first % DN_ALIGNMENT == 0);
    dn_free(&system, first);
}

static dn_status fill_zone(const dn_options *options, void *user, dn_error *err) {
    (void)user;
    dn_zone zone;
    dn_zone_open(&zone, dn_allocator_or_default(options));
    int *numbers = NULL;
    size_t room = 0;
    dn_status status = DN_OK;
    for (size_t i = 0; i < 5000 && status == DN_OK; ++i) {
        void *array = numbers;
        void *piece = NULL;
        const char *text = NULL;
        status = dn_zone_grow(&zone, &array, i, &room, sizeof(int), err);
        if (status == DN_OK) status = dn_zone_alloc(&zone, &piece, i % 50, 3, err);
        if (status == DN_OK) status = dn_zone_text(&zone, &text, "abcdef", i % 7, err);
        if (status != DN_OK) break;
        numbers = array;
        numbers[i] = (int)i;
        CHECK((uintptr_t)piece % 16 == 0 && all_zero(piece, i % 50 * 3));
        CHECK(strlen(text) == i % 7 && strncmp(text, "abcdef", i % 7) == 0);
        memset(piece, 0xFF, i % 50 * 3);
    }
    for (size_t i = 0; i < 5000 && status == DN_OK; ++i) CHECK_EQ(numbers[i], i);
    dn_zone_close(&zone);
    return status;
}

static void test_zone(void) {
    check_every_allocation(fill_zone, NULL);
    test_memory memory = TEST_MEMORY(-1);
    dn_zone zone;
    void *small = NULL;
    void *large = NULL;
    dn_zone_open(&zone, test_memory_allocator(&memory));
    CHECK_EQ(dn_zone_alloc(&zone, &small, 1, 8, NULL), DN_OK);
    CHECK_EQ(dn_zone_alloc(&zone, &large, 1, 5 << 20, NULL), DN_OK);
    CHECK(all_zero(large, 5 << 20));
    CHECK_EQ(dn_zone_alloc(&zone, &small, 1, 8, NULL), DN_OK);
    CHECK_EQ(atomic_load(&memory.calls), 2); /* the first page is still in use */
    CHECK_EQ(dn_zone_alloc(&zone, &small, SIZE_MAX, 8, NULL), DN_E_NOMEM);
    CHECK_EQ(dn_zone_alloc(&zone, &small, SIZE_MAX, 1, NULL), DN_E_NOMEM);
    dn_zone_close(&zone);
    dn_zone_close(&zone);
    CHECK_EQ(atomic_load(&memory.live), 0);
}

static dn_status make_block(const dn_options *options, void *user, dn_error *err) {
    (void)user;
    const dn_allocator allocator = dn_allocator_or_default(options);
    dn_block *block = NULL;
    const dn_status status = dn_block_create(&block, &allocator, 1000, "a block", err);
    CHECK((block == NULL) == (status != DN_OK));
    dn_block_release(block);
    return status;
}

static void note_free(void *user, void *data) { *(void **)user = data; }

static void test_block(void) {
    check_every_allocation(make_block, NULL);
    test_memory memory = TEST_MEMORY(-1);
    const dn_allocator allocator = test_memory_allocator(&memory);
    dn_block *block = NULL;
    if (!CHECK_EQ(dn_block_create(&block, &allocator, 100, "a block", NULL), DN_OK)) return;
    CHECK(block->bytes == 100 && block->device == -1 && all_zero(block->data, 100));
    CHECK(!dn_block_shared(block));
    dn_block_retain(block);
    CHECK(dn_block_shared(block));
    dn_block_release(block);
    CHECK(!dn_block_shared(block) && atomic_load(&memory.live) == 2);
    void *data = block->data;
    void *freed = NULL;
    block->free_data = note_free;
    block->free_user = &freed;
    dn_block_release(block);
    CHECK(freed == data);
    CHECK_EQ(atomic_load(&memory.live), 1);
    dn_free(&allocator, data);
    dn_block_retain(NULL);
    dn_block_release(NULL);
}

/* ---------------------------------------------------------------- numbers */

static void test_int_case(const char *text, bool good, long long value, size_t used) {
    int64_t out = 77;
    const char *next = NULL;
    CHECK_EQ(dn_parse_int(text, text + strlen(text), &out, &next), good);
    CHECK_EQ(out, good ? value : 77);
    if (good) CHECK_EQ(next - text, used);
}

static void test_ints(void) {
    test_int_case("416#900", true, 416, 3);
    test_int_case("-1", true, -1, 2);
    test_int_case("+12,3", true, 12, 3);
    test_int_case("1.5", true, 1, 1);
    test_int_case("0x10", true, 0, 1);
    test_int_case("  7", true, 7, 3);
    test_int_case("9223372036854775807", true, INT64_MAX, 19);
    test_int_case("-9223372036854775808", true, INT64_MIN, 20);
    test_int_case("9223372036854775808", false, 0, 0);
    test_int_case("-9223372036854775809", false, 0, 0);
    test_int_case("99999999999999999999999", false, 0, 0);
    test_int_case("", false, 0, 0);
    test_int_case("-", false, 0, 0);
    test_int_case("abc", false, 0, 0);
    test_int_case(".5", false, 0, 0);
    int64_t out = 0;
    const char *next = NULL;
    CHECK(dn_parse_int("1234", "1234" + 0, &out, &next) == false); /* an empty range */
    const char digits[] = "12345";
    CHECK(dn_parse_int(digits, digits + 2, &out, &next) && out == 12);
}

static void test_float_case(const char *text) {
    char *c_next = NULL;
    const double wanted = strtod(text, &c_next); /* the C library, in the "C" locale, is the judge */
    double out = 77.0;
    const char *next = NULL;
    if (!CHECK(dn_parse_float(text, text + strlen(text), &out, &next))) return;
    CHECK_EQ(next - text, c_next - text);
    CHECK((isnan(out) && isnan(wanted)) || out == wanted || fabs(out - wanted) <= 8e-16 * fabs(wanted));
    CHECK_EQ(signbit(out) != 0, signbit(wanted) != 0);
}

static void test_floats(void) {
    static const char *const good[] = {"0",
                                       "-0",
                                       "1",
                                       ".5",
                                       "5.",
                                       "0.0005",
                                       "1e-5",
                                       ".1,",
                                       "1e",
                                       "1e+",
                                       "-1E3x",
                                       "+2.5e-1#",
                                       "nan",
                                       "inf",
                                       "-INFINITY",
                                       "infini",
                                       "1.7e308",
                                       "4e-320",
                                       "1e-400",
                                       "0e999",
                                       "-0.0",
                                       "123456789012345678901234567890",
                                       "0.00000000000000000000000000000123456789",
                                       "3.14159265358979323846264338327950288",
                                       "1.0000000596046448",
                                       "16777217"};
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) test_float_case(good[i]);
    dn_rng rng = {5, 0, 0};
    for (int i = 0; i < 20000; ++i) {
        char text[64];
        const int exponent = (int)(dn_rng_next(&rng) % 500) - 250;
        const uint64_t digits = dn_rng_next(&rng) >> (dn_rng_next(&rng) % 60);
        snprintf(text, sizeof text, i % 2 ? "%llue%d" : "-.%llue%d", (unsigned long long)digits, exponent);
        test_float_case(text);
    }
    static const char *const bad[] = {"", "-", ".", "+.", "e5", "abc", ".e1", "1e400", "-1e309", "in", "na"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        double out = 77.0;
        const char *next = NULL;
        CHECK(!dn_parse_float(bad[i], bad[i] + strlen(bad[i]), &out, &next));
        CHECK(out == 77.0);
    }
}

/* What people write comes out as the compiler reads it, to the last bit. */
static void test_exact_floats(void) {
    static const struct {
        const char *text;
        double value;
    } cases[] = {{".9", .9}, {"0.0005", 0.0005}, {"1.05", 1.05}, {"0.00261", 0.00261}, {"1e-7", 1e-7}, {".7", .7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        double out = 0.0;
        const char *next = NULL;
        CHECK(dn_parse_float(cases[i].text, cases[i].text + strlen(cases[i].text), &out, &next));
        CHECK(out == cases[i].value);
    }
}

/* ---------------------------------------------------------------- bytes */

static void test_reader(void) {
    static const unsigned char bytes[] = {1, 2, 3,    4, 0xFF, 0xFF, 0xFF, 0xFF, 8, 7,    6,    5,    4,
                                          3, 2, 0x81, 0, 0,    0x80, 0x3F, 0,    0, 0x20, 0xC1, 0xAB, 0xCD};
    dn_reader reader = {bytes, sizeof bytes, 0};
    uint32_t u32 = 0;
    int32_t i32 = 0;
    uint64_t u64 = 0;
    float floats[3] = {0};
    CHECK(dn_read_u32(&reader, &u32) && u32 == 0x04030201);
    CHECK(dn_read_i32(&reader, &i32) && i32 == -1);
    CHECK(dn_read_u64(&reader, &u64) && u64 == UINT64_C(0x8102030405060708));
    CHECK(!dn_read_f32s(&reader, floats, 3));
    CHECK(!dn_read_f32s(&reader, floats, SIZE_MAX / 2));
    CHECK(dn_read_f32s(&reader, floats, 0));
    CHECK(dn_read_f32s(&reader, floats, 2) && floats[0] == 1.0F && floats[1] == -10.0F);
    CHECK_EQ(dn_reader_left(&reader), 2);
    CHECK(!dn_read_u32(&reader, &u32) && !dn_read_i32(&reader, &i32) && !dn_read_u64(&reader, &u64));
    CHECK_EQ(dn_reader_left(&reader), 2);
}

static void test_writer(void) {
    static const unsigned char wanted[] = {0xFE, 0xFF, 0xFF, 0xFF, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0x80, 0x3F, 0x5A};
    unsigned char bytes[17];
    memset(bytes, 0x5A, sizeof bytes);
    dn_writer writer = {bytes, 16, 0};
    const float values[] = {1.0F, 2.0F};
    CHECK(dn_write_i32(&writer, -2));
    CHECK(dn_write_u64(&writer, UINT64_C(0x0102030405060708)));
    CHECK(!dn_write_u64(&writer, 1) && !dn_write_f32s(&writer, values, 2) && !dn_write_f32s(&writer, values, SIZE_MAX));
    CHECK(dn_write_f32s(&writer, values, 1) && dn_write_f32s(&writer, values, 0));
    CHECK(!dn_write_i32(&writer, 1));
    CHECK(memcmp(bytes, wanted, sizeof wanted) == 0);
}

/* ---------------------------------------------------------------- random numbers */

static void test_rng(void) {
    dn_rng a = {7, 3, 0};
    dn_rng b = {7, 3, 5};
    for (int i = 0; i < 5; ++i) dn_rng_next(&a);
    CHECK(dn_rng_next(&a) == dn_rng_next(&b)); /* the counter alone decides */
    dn_rng other_seed = {8, 3, 0};
    dn_rng other_stream = {7, 4, 0};
    dn_rng rng = {7, 3, 0};
    int bits = 0;
    int same = 0;
    double sum = 0.0;
    double squares = 0.0;
    double normal = 0.0;
    double normal_squares = 0.0;
    const int count = 200000;
    for (int i = 0; i < count; ++i) {
        dn_rng stream = rng;
        const uint64_t x = dn_rng_next(&stream);
        same += (x == dn_rng_next(&other_seed)) + (x == dn_rng_next(&other_stream));
        for (uint64_t rest = x; rest; rest &= rest - 1) ++bits;
        const float uniform = dn_rng_uniform(&rng, -1.0F, 3.0F);
        if (!(uniform >= -1.0F && uniform < 3.0F)) CHECK(!"in range");
        sum += (double)uniform;
        squares += (double)uniform * (double)uniform;
    }
    dn_rng gauss = {1, 2, 0};
    for (int i = 0; i < count; ++i) {
        const double x = (double)dn_rng_normal(&gauss);
        normal += x;
        normal_squares += x * x;
    }
    CHECK_EQ(gauss.counter, 2 * count);
    CHECK_EQ(same, 0);
    CHECK_NEAR((double)bits / count, 32.0, 0.05); /* 6 deviations: 4 / sqrt(count) each */
    CHECK_NEAR(sum / count, 1.0, 0.02);
    CHECK_NEAR(squares / count, 1.0 + 16.0 / 12.0, 0.03);
    CHECK_NEAR(normal / count, 0.0, 0.015);
    CHECK_NEAR(normal_squares / count, 1.0, 0.02);
    dn_rng tight = {1, 1, 0};
    for (int i = 0; i < 1000; ++i) CHECK(dn_rng_uniform(&tight, 1.0F, nextafterf(1.0F, 2.0F)) == 1.0F);
}

int main(void) {
    test_status();
    test_cut_texts();
    test_log();
    test_sizes();
    test_alloc();
    test_zone();
    test_block();
    test_ints();
    test_floats();
    test_exact_floats();
    test_reader();
    test_writer();
    test_rng();
    return harness_result();
}
