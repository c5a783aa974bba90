/* test_cfg.c — the syntax of cfg files and the typed getters over a section. */
#include "harness.h"

#include <float.h>
#include <limits.h>

#include "cfg/section.h"

/* ---------------------------------------------------------------- syntax */

static dn_cfg *parse(const char *text) {
    dn_cfg *cfg = NULL;
    dn_error err = {0};
    const dn_status status = dn_cfg_parse(&cfg, text, strlen(text), NULL, &err);
    if (!CHECK_EQ(status, DN_OK)) fprintf(stderr, "%s\n", err.message);
    return cfg;
}

static void test_structure(void) {
    dn_cfg *cfg =
        parse("# a network\n\n[net]\nbatch = 4\nwidth=41 6\n\n;remark\n[convolutional]\r\n filters\t=\t32 \r\n"
              "filters=64\n[yolo] # a head\nanchors = 10,13,  16,30\nmap=a=b\n[x];y");
    if (!cfg) return;
    CHECK_EQ(dn_cfg_sections(cfg), 4);
    CHECK_TEXT(dn_cfg_section_name(cfg, 0), "net");
    CHECK_TEXT(dn_cfg_section_name(cfg, 1), "convolutional");
    CHECK_TEXT(dn_cfg_section_name(cfg, 2), "yolo");
    CHECK_TEXT(dn_cfg_section_name(cfg, 3), "x");
    CHECK_EQ(dn_cfg_section_line(cfg, 0), 3);
    CHECK_EQ(dn_cfg_section_line(cfg, 1), 8);
    CHECK_EQ(dn_cfg_section_line(cfg, 3), 14);
    CHECK_EQ(dn_cfg_options(cfg, 0), 2);
    CHECK_TEXT(dn_cfg_option_key(cfg, 0, 0), "batch");
    CHECK_TEXT(dn_cfg_option_value(cfg, 0, 0), "4");
    CHECK_TEXT(dn_cfg_option_value(cfg, 0, 1), "416"); /* blanks go, inside values too */
    CHECK_EQ(dn_cfg_option_line(cfg, 0, 1), 5);
    CHECK_EQ(dn_cfg_options(cfg, 1), 2); /* duplicates are kept; the getters take the first */
    CHECK_TEXT(dn_cfg_option_key(cfg, 1, 0), "filters");
    CHECK_TEXT(dn_cfg_option_value(cfg, 1, 0), "32");
    CHECK_TEXT(dn_cfg_option_value(cfg, 2, 0), "10,13,16,30");
    CHECK_TEXT(dn_cfg_option_value(cfg, 2, 1), "a=b");
    CHECK_EQ(dn_cfg_options(cfg, 3), 0);
    dn_cfg_retain(cfg);
    dn_cfg_release(cfg);
    CHECK_EQ(dn_cfg_sections(cfg), 4);
    dn_cfg_release(cfg);
}

static void test_out_of_range(void) {
    dn_cfg *cfg = parse("[net]\na=1\n");
    if (!cfg) return;
    static const int bad[] = {-1, 1, INT_MIN, INT_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        CHECK(dn_cfg_section_name(cfg, bad[i]) == NULL && dn_cfg_section_line(cfg, bad[i]) == 0);
        CHECK(dn_cfg_options(cfg, bad[i]) == 0 && dn_cfg_option_key(cfg, bad[i], 0) == NULL);
        CHECK(dn_cfg_option_key(cfg, 0, bad[i]) == NULL && dn_cfg_option_value(cfg, 0, bad[i]) == NULL);
        CHECK(dn_cfg_option_line(cfg, 0, bad[i]) == 0);
    }
    dn_cfg_release(cfg);
    dn_cfg_retain(NULL);
    dn_cfg_release(NULL);
}

static void test_encodings(void) {
    dn_cfg *cfg = parse("\xEF\xBB\xBF[network]\n# \xB4\xF3 in another encoding\nnames=caf\xC3\xA9#\xB4\xF3\n"
                        "a=\xED\xA0\x80\nb=\xF0\x9F\x98\x80\xC0\xAF\nc=\xE2\x82\n\x1A");
    if (!cfg) return;
    CHECK_EQ(dn_cfg_sections(cfg), 1);
    CHECK_EQ(dn_cfg_options(cfg, 0), 4);
    CHECK_TEXT(dn_cfg_option_value(cfg, 0, 0), "caf\xC3\xA9#??");
    CHECK_TEXT(dn_cfg_option_value(cfg, 0, 1), "???");
    CHECK_TEXT(dn_cfg_option_value(cfg, 0, 2), "\xF0\x9F\x98\x80??");
    CHECK_TEXT(dn_cfg_option_value(cfg, 0, 3), "??");
    dn_cfg_release(cfg);
}

typedef struct journal {
    int count;
    char last[256];
} journal;

static void note(void *user, dn_log_level level, const char *message) {
    journal *j = user;
    ++j->count;
    CHECK_EQ(level, DN_LOG_WARNING);
    snprintf(j->last, sizeof j->last, "%s", message);
}

static void test_skipped_lines(void) {
    journal j = {0};
    dn_options options = DN_OPTIONS_INIT;
    options.log = note;
    options.log_user = &j;
    const char text[] = "[net]\nwidth 416\nheight=\n=3\n\na=1\nand this";
    dn_cfg *cfg = NULL;
    if (!CHECK_EQ(dn_cfg_parse(&cfg, text, strlen(text), &options, NULL), DN_OK)) return;
    CHECK_EQ(dn_cfg_options(cfg, 0), 1);
    CHECK_EQ(j.count, 4);
    CHECK_HAS(j.last, "line 7");
    CHECK_HAS(j.last, "'andthis'");
    dn_cfg_release(cfg);
}

static void test_bad_text(const char *text, size_t size, int line, const char *part, const char *found) {
    dn_cfg *const before = (dn_cfg *)&line;
    dn_cfg *out = before;
    dn_error err = {0};
    test_memory memory = TEST_MEMORY(-1);
    const dn_options options = test_memory_options(&memory);
    CHECK_EQ(dn_cfg_parse(&out, text, size, &options, &err), DN_E_PARSE);
    CHECK(out == before);
    CHECK_EQ(atomic_load(&memory.live), 0);
    CHECK_EQ(err.line, line);
    CHECK_EQ(err.layer, -1);
    CHECK_HAS(err.message, part);
    CHECK_TEXT(err.found, found);
    CHECK(strchr(err.message, '\n') == NULL && err.expected[0] != '\0');
    CHECK_EQ(dn_cfg_parse(&out, text, size, &options, NULL), DN_E_PARSE);
}

#define BAD(text, line, part, found) test_bad_text(text, sizeof text - 1, line, part, found)

static void test_bad_texts(void) {
    BAD("", 0, "[net]", "nothing");
    BAD("\n \n# only remarks\n", 0, "[net]", "nothing");
    test_bad_text(NULL, 0, 0, "[net]", "nothing");
    BAD("width=416\n[net]\n", 1, "before the first section", "width=416");
    BAD("<html>\n<p class=x>", 2, "before the first section", "<pclass=x>");
    BAD("#\n[convolutional]\n", 2, "first section must be [net]", "convolutional");
    BAD("[Net]\n", 1, "first section must be [net]", "Net");
    BAD("[net]\n\n[conv\nsize=3\n", 3, "between '[' and ']'", "[conv");
    BAD("[net]\n[]\n", 2, "between '[' and ']'", "[]");
    BAD("[net] a=1\n", 1, "between '[' and ']'", "[net]a=1");
    BAD("[net]\na=1\n\0\n", 3, "not a cfg", "byte 0x00");
    BAD("[net]\n\x1B[0m\n", 2, "not a cfg", "byte 0x1B");
    BAD("[\0n\0e\0t\0]\0\n\0", 1, "not a cfg", "byte 0x00"); /* UTF-16 */
    BAD("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 3, "not a cfg", "byte 0x00");
}

static void test_limits(void) {
    const size_t sections = 100001;
    char *text = malloc(6 + 4 * sections + 1);
    if (!CHECK(text != NULL)) return;
    strcpy(text, "[net]\n");
    for (size_t i = 0; i < sections; ++i) memcpy(text + 6 + 4 * i, "[a]\n", 4);
    dn_cfg *cfg = NULL;
    CHECK_EQ(dn_cfg_parse(&cfg, text, 6 + 4 * 99999, NULL, NULL), DN_OK);
    CHECK_EQ(cfg ? dn_cfg_sections(cfg) : 0, 100000);
    dn_cfg_release(cfg);
    test_bad_text(text, 6 + 4 * sections, 100001, "more than 100000 sections", "more");
    for (size_t i = 0; i < sections; ++i) memcpy(text + 6 + 4 * i, "a=1\n", 4);
    CHECK_EQ(dn_cfg_parse(&cfg, text, 6 + 4 * sections, NULL, NULL), DN_OK);
    CHECK_EQ(dn_cfg_options(cfg, 0), sections);
    dn_cfg_release(cfg);
    free(text);
    dn_error err = {0};
    CHECK_EQ(dn_cfg_parse(&cfg, "", ((size_t)64 << 20) + 1, NULL, &err), DN_E_PARSE); /* not even looked at */
    CHECK_HAS(err.message, "67108865 bytes");
}

/* Whatever the bytes: a status, and nothing left behind. */
static void test_damaged(void) {
    static const char good[] = "[net]\nbatch=1\nwidth=32\n[convolutional]\nfilters=8\nsize=3\n#x\n[yolo]\nmask=0,1\n";
    static const unsigned char odd[] = {0, 1, 9, 10, 13, '[', ']', '=', '#', ';', 0x7F, 0x80, 0xC3, 0xE2, 0xF0, 0xFF};
    for (size_t at = 0; at < sizeof good - 1; ++at) {
        for (size_t k = 0; k <= sizeof odd; ++k) {
            char *text = malloc(sizeof good); /* exactly as large as told, for the sanitizer */
            if (!CHECK(text != NULL)) return;
            const size_t size = k < sizeof odd ? sizeof good - 1 : at;
            char *exact = realloc(text, size ? size : 1);
            if (!CHECK(exact != NULL)) return;
            memcpy(exact, good, size);
            if (k < sizeof odd) exact[at] = (char)odd[k];
            test_memory memory = TEST_MEMORY(-1);
            const dn_options options = test_memory_options(&memory);
            dn_cfg *cfg = NULL;
            dn_error err = {0};
            const dn_status status = dn_cfg_parse(&cfg, exact, size, &options, &err);
            CHECK(status == DN_OK ? cfg != NULL : status == DN_E_PARSE && cfg == NULL && err.message[0]);
            dn_cfg_release(cfg);
            CHECK_EQ(atomic_load(&memory.live), 0);
            free(exact);
        }
    }
}

static dn_status parse_many(const dn_options *options, void *user, dn_error *err) {
    const char *text = user;
    dn_cfg *cfg = NULL;
    const dn_status status = dn_cfg_parse(&cfg, text, strlen(text), options, err);
    CHECK((cfg != NULL) == (status == DN_OK));
    if (cfg) CHECK_EQ(dn_cfg_sections(cfg), 1001);
    dn_cfg_release(cfg);
    return status;
}

static void test_no_memory(void) {
    static char text[64 * 1024];
    size_t used = (size_t)snprintf(text, sizeof text, "[net]\nwidth=32\n");
    for (int i = 0; i < 1000; ++i) {
        used += (size_t)snprintf(text + used, sizeof text - used, "[conv]\nfilters=%d\nsize=3\n", i + 1);
    }
    check_every_allocation(parse_many, text);
}

/* ---------------------------------------------------------------- getters */

typedef struct fixture {
    dn_cfg *cfg;
    dn_zone zone;
    unsigned char used[64];
    dn_section section;
    dn_error err;
} fixture;

static bool open_fixture(fixture *f, const char *options) {
    char text[1024];
    snprintf(text, sizeof text, "[net]\n[yolo]\n%s", options);
    memset(f, 0, sizeof *f);
    f->cfg = parse(text);
    if (!f->cfg) return false;
    dn_zone_open(&f->zone, dn_allocator_or_default(NULL));
    f->section = (dn_section){&f->cfg->sections[1], f->used, &f->zone};
    return CHECK(f->section.cfg->count <= sizeof f->used);
}

static void close_fixture(fixture *f) {
    dn_zone_close(&f->zone);
    dn_cfg_release(f->cfg);
}

static void test_scalars(void) {
    fixture f;
    if (!open_fixture(&f, "a=416#900\nb=-3\nc=.5x\nd=2\ne=0\nf=text,#here\na=7\ng=1e-3\nh=inf\ni=.1\n")) return;
    dn_section *s = &f.section;
    int number = -99;
    float real = -99.0F;
    bool flag = false;
    CHECK(dn_section_int(s, "a", 1, 0, 1000, &number, &f.err) == DN_OK && number == 416); /* the first one counts */
    CHECK(dn_section_int(s, "b", 1, -3, -3, &number, &f.err) == DN_OK && number == -3);
    CHECK(dn_section_int(s, "none", 5, 10, 20, &number, &f.err) == DN_OK && number == 5);
    CHECK(dn_section_float(s, "c", 1.0F, 0.0F, 1.0F, &real, &f.err) == DN_OK && real == 0.5F);
    CHECK(dn_section_float(s, "g", 1.0F, 0.0F, 1.0F, &real, &f.err) == DN_OK && real == 0.001F);
    CHECK(dn_section_float(s, "i", 1.0F, 0.1F, 0.1F, &real, &f.err) == DN_OK && real == 0.1F);
    CHECK(dn_section_float(s, "h", 1.0F, 0.0F, INFINITY, &real, &f.err) == DN_OK && isinf(real));
    CHECK(dn_section_float(s, "none", 2.5F, 0.0F, 1.0F, &real, &f.err) == DN_OK && real == 2.5F);
    CHECK(dn_section_flag(s, "d", false, &flag, &f.err) == DN_OK && flag);
    CHECK(dn_section_flag(s, "e", true, &flag, &f.err) == DN_OK && !flag);
    CHECK(dn_section_flag(s, "none", true, &flag, &f.err) == DN_OK && flag);
    CHECK_TEXT(dn_section_text(s, "f", NULL), "text,#here");
    CHECK_TEXT(dn_section_text(s, "none", "default"), "default");
    CHECK(dn_section_text(s, "none", NULL) == NULL);
    CHECK(dn_section_has(s, "a") && !dn_section_has(s, "none"));
    CHECK_EQ(dn_section_line_of(s, "b"), 4);
    CHECK_EQ(dn_section_line_of(s, "none"), 0);
    static const unsigned char used[] = {1, 1, 1, 1, 1, 1, 0, 1, 1, 1}; /* not the second a */
    CHECK(memcmp(f.used, used, sizeof used) == 0);
    close_fixture(&f);
}

static void check_refusal(const fixture *f, const char *key, int line, const char *expected, const char *found) {
    CHECK_EQ(f->err.status, DN_E_PARSE);
    CHECK_TEXT(f->err.section, "yolo");
    CHECK_TEXT(f->err.key, key);
    CHECK_EQ(f->err.line, line);
    CHECK_TEXT(f->err.expected, expected);
    CHECK_TEXT(f->err.found, found);
    CHECK_HAS(f->err.message, expected);
    CHECK_HAS(f->err.message, found);
}

static void test_refused_scalars(void) {
    fixture f;
    if (!open_fixture(&f, "a=abc\nb=99999999999999999999\nc=7\nd=nan\ne=true\nf=1e39\ng=.5\n")) return;
    dn_section *s = &f.section;
    int number = -99;
    float real = -99.0F;
    bool flag = true;
    CHECK_EQ(dn_section_int(s, "a", 1, 1, 9, &number, &f.err), DN_E_PARSE);
    check_refusal(&f, "a", 3, "a whole number from 1 to 9", "abc");
    CHECK_EQ(dn_section_int(s, "b", 1, INT_MIN, INT_MAX, &number, &f.err), DN_E_PARSE);
    check_refusal(&f, "b", 4, "a whole number", "99999999999999999999");
    CHECK_EQ(dn_section_int(s, "c", 1, 8, INT_MAX, &number, &f.err), DN_E_PARSE);
    check_refusal(&f, "c", 5, "a whole number of at least 8", "7");
    CHECK_EQ(dn_section_int(s, "c", 1, INT_MIN, 6, &number, &f.err), DN_E_PARSE);
    check_refusal(&f, "c", 5, "a whole number of at most 6", "7");
    CHECK_EQ(dn_section_int(s, "g", 1, 0, 6, &number, &f.err), DN_E_PARSE); /* .5 does not start with a digit */
    CHECK_EQ(dn_section_float(s, "d", 1.0F, 0.0F, 1.5F, &real, &f.err), DN_E_PARSE);
    check_refusal(&f, "d", 6, "a number from 0 to 1.5", "nan");
    CHECK_EQ(dn_section_float(s, "f", 1.0F, -FLT_MAX, FLT_MAX, &real, &f.err), DN_E_PARSE);
    CHECK_EQ(dn_section_float(s, "a", 1.0F, -FLT_MAX, FLT_MAX, &real, NULL), DN_E_PARSE);
    CHECK_EQ(dn_section_flag(s, "e", false, &flag, &f.err), DN_E_PARSE);
    check_refusal(&f, "e", 7, "0 or 1", "true");
    CHECK(number == -99 && real == -99.0F && flag); /* untouched */
    close_fixture(&f);
}

static void test_lists(void) {
    fixture f;
    if (!open_fixture(&f, "a=3,-1 , 5,\nb=10,13, 16.5,30#7,8\nc=,,\nd=1,x\ne=4x,5y\n")) return;
    dn_section *s = &f.section;
    const int *ints = (const int *)&f;
    const float *floats = (const float *)&f;
    int count = -1;
    CHECK(dn_section_ints(s, "a", -5, 5, &ints, &count, &f.err) == DN_OK && count == 3);
    CHECK(count == 3 && ints[0] == 3 && ints[1] == -1 && ints[2] == 5);
    CHECK(dn_section_floats(s, "b", 0.0F, 100.0F, &floats, &count, &f.err) == DN_OK && count == 4);
    CHECK(count == 4 && floats[0] == 10.0F && floats[2] == 16.5F && floats[3] == 30.0F);
    CHECK(dn_section_ints(s, "e", 0, 9, &ints, &count, &f.err) == DN_OK && count == 2 && ints[1] == 5);
    CHECK(dn_section_ints(s, "c", 0, 9, &ints, &count, &f.err) == DN_OK && count == 0 && ints == NULL);
    CHECK(dn_section_floats(s, "none", 0.0F, 1.0F, &floats, &count, &f.err) == DN_OK && count == 0 && floats == NULL);
    count = -1;
    ints = (const int *)&f;
    CHECK_EQ(dn_section_ints(s, "d", 0, 9, &ints, &count, &f.err), DN_E_PARSE);
    check_refusal(&f, "d", 6, "a list of whole numbers from 0 to 9", "1,x");
    CHECK_EQ(dn_section_ints(s, "a", 0, 9, &ints, &count, &f.err), DN_E_PARSE);
    CHECK_EQ(dn_section_floats(s, "b", 11.0F, 99.0F, &floats, &count, &f.err), DN_E_PARSE);
    check_refusal(&f, "b", 4, "a list of numbers from 11 to 99", "10,13,16.5,30#7,8");
    CHECK(count == -1 && ints == (const int *)&f);
    close_fixture(&f);
}

static dn_status read_lists(const dn_options *options, void *user, dn_error *err) {
    fixture *f = user;
    dn_zone zone;
    dn_zone_open(&zone, dn_allocator_or_default(options));
    dn_section section = {f->section.cfg, f->used, &zone};
    const int *ints = NULL;
    const float *floats = NULL;
    int count = 0;
    dn_status status = dn_section_ints(&section, "a", 0, 9, &ints, &count, err);
    CHECK((ints != NULL) == (status == DN_OK));
    if (status == DN_OK) status = dn_section_floats(&section, "a", 0, 9, &floats, &count, err);
    dn_zone_close(&zone);
    return status;
}

static void test_choice(void) {
    static const char *const names[] = {"mse", "iou", "giou", NULL};
    static const char *const many[] = {"activation_number_one",  "activation_number_two",  "activation_number_three",
                                       "activation_number_four", "activation_number_five", NULL};
    static const char *const ignored[] = {"b", "c", NULL};
    fixture f;
    if (!open_fixture(&f, "a=giou\nb=GIOU\nc=1\nc=2\n")) return;
    dn_section *s = &f.section;
    int out = -99;
    CHECK(dn_section_choice(s, "a", names, 0, &out, &f.err) == DN_OK && out == 2);
    CHECK(dn_section_choice(s, "none", names, 1, &out, &f.err) == DN_OK && out == 1);
    CHECK_EQ(dn_section_choice(s, "b", names, 0, &out, &f.err), DN_E_PARSE);
    check_refusal(&f, "b", 4, "one of mse, iou, giou", "GIOU");
    CHECK_EQ(dn_section_choice(s, "b", many, 0, &out, &f.err), DN_E_PARSE);
    CHECK_HAS(f.err.expected, "activation_number_three ..");
    CHECK_EQ(out, 1);
    memset(f.used, 0, sizeof f.used);
    dn_section_ignore(s, ignored);
    CHECK(!f.used[0] && f.used[1] && f.used[2] && f.used[3]);
    close_fixture(&f);
}

static void test_own_refusal(void) {
    fixture f;
    if (!open_fixture(&f, "mask=9\n")) return;
    CHECK_EQ(dn_section_fail(&f.section, "mask", &f.err, "0 to 5", "names anchor %d of %d", 9, 6), DN_E_PARSE);
    CHECK_TEXT(f.err.message, "line 3: mask=9 of [yolo] names anchor 9 of 6");
    CHECK_TEXT(f.err.expected, "0 to 5");
    CHECK_EQ(dn_section_fail(&f.section, "anchors", &f.err, "a list", "needs anchors=width,height,…"), DN_E_PARSE);
    CHECK_TEXT(f.err.message, "line 2: [yolo] needs anchors=width,height,…");
    CHECK_TEXT(f.err.key, "anchors");
    CHECK(f.err.line == 2 && f.err.found[0] == '\0');
    CHECK_EQ(dn_section_fail(&f.section, "mask", NULL, "", "x"), DN_E_PARSE);
    close_fixture(&f);
}

static void test_lists_without_memory(void) {
    fixture f;
    if (!open_fixture(&f, "a=1,2,3\n")) return;
    check_every_allocation(read_lists, &f);
    close_fixture(&f);
}

int main(void) {
    test_structure();
    test_out_of_range();
    test_encodings();
    test_skipped_lines();
    test_bad_texts();
    test_limits();
    test_damaged();
    test_no_memory();
    test_scalars();
    test_refused_scalars();
    test_lists();
    test_choice();
    test_own_refusal();
    test_lists_without_memory();
    return harness_result();
}
