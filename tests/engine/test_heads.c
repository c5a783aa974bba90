/* test_heads.c — yolo, region and softmax beyond the goldens: class trees, boxes decoded from outputs made by hand,
 * and the messages for sections that do not fit. */
#include "detect/box.h"
#include "harness.h"
#include "layers/registry.h"
#include "layers/tree.h"

static bool near(float a, float b) { return fabsf(a - b) <= 2e-6F; }

/* ---- one parsed section ---- */

typedef struct head {
    dn_cfg *cfg;
    dn_zone zone;
    unsigned char used[64];
    dn_section section;
    dn_layer_context context;
    dn_resource resource; /* named "file" */
    const dn_layer_type *type;
    _Alignas(16) unsigned char params[1024];
    dn_error err;
} head;

static void open_head(head *h, dn_dialect dialect, const char *section, const char *file) {
    char text[1024] = "[net]\n";
    memset(h, 0, sizeof *h);
    strncat(text, section, sizeof text - 8);
    CHECK(dn_cfg_parse(&h->cfg, text, strlen(text), NULL, NULL) == DN_OK);
    dn_zone_open(&h->zone, dn_allocator_or_default(NULL));
    h->section = (dn_section){&h->cfg->sections[1], h->used, &h->zone};
    h->resource = (dn_resource){"file", file, file ? strlen(file) : 0};
    h->context = (dn_layer_context){.dialect = dialect,
                                    .batch = 1,
                                    .time_steps = 1,
                                    .net_width = 32,
                                    .net_height = 32,
                                    .zone = &h->zone,
                                    .resources = &h->resource,
                                    .resource_count = file != NULL};
    const char *name;
    h->type = dn_layer_type_find(h->cfg->sections[1].name, &name);
    CHECK(h->type && h->type->params_size <= sizeof h->params);
}

static dn_status parse_head(head *h) { return h->type->parse(&h->section, &h->context, h->params, &h->err); }

static void close_head(head *h) {
    dn_zone_close(&h->zone);
    dn_cfg_release(h->cfg);
}

static dn_detections *decode_head(const head *h, dn_shape shape, const float *output, float threshold, float hier,
                                  int classes) {
    const dn_decode_options options = {.threshold = threshold,
                                       .hier_threshold = hier,
                                       .net_width = 32,
                                       .net_height = 32,
                                       .image_width = 32,
                                       .image_height = 32,
                                       .relative = true,
                                       .dialect = h->context.dialect};
    dn_detections *table = NULL;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    CHECK(dn_detections_create(&table, &allocator, classes, false, NULL) == DN_OK);
    CHECK(h->type->decode(h->params, shape, output, &options, table, NULL) == DN_OK);
    return table;
}

static bool row_is(const dn_detections *table, int row, float x, float y, float w, float h, float objectness) {
    const float *box = table->boxes + 4 * row;
    return near(box[0], x) && near(box[1], y) && near(box[2], w) && near(box[3], h) &&
           near(table->objectness[row], objectness);
}

/* ---- yolo ---- */

enum { ENTRIES = 6, CELLS = 4 }; /* one class, a plane of 2 × 2 */

static void put_box(float *output, int anchor, int cell, const float *values) {
    for (int i = 0; i < ENTRIES; i++) output[(anchor * ENTRIES + i) * CELLS + cell] = values[i];
}

static const char yolo_text[] = "[yolo]\nclasses=1\nnum=2\nmask=1,0\nanchors=4,4, 8,16\n";

static void test_yolo_decodes_cell_by_cell(void) {
    head h;
    float output[2 * ENTRIES * CELLS] = {0};
    open_head(&h, DN_ALEXEYAB, yolo_text, NULL);
    CHECK(parse_head(&h) == DN_OK);
    put_box(output, 0, 3, (const float[]){0.5F, 0.25F, 0, 0, 0.8F, 0.5F});
    put_box(output, 1, 0, (const float[]){0, 1, 0.69314718F, 0, 0.6F, 0.25F});
    put_box(output, 1, 2, (const float[]){0, 1, 0, 0, 0.2F, 1}); /* not above the threshold */
    dn_detections *table = decode_head(&h, (dn_shape){1, 2 * ENTRIES, 2, 2}, output, 0.2F, 0.5F, 3);
    CHECK(table->count == 2);
    CHECK(row_is(table, 0, 0, 0.5F, 0.25F, 0.125F, 0.6F) && table->probabilities[0] == 0); /* 0.15 <= 0.2 */
    CHECK(row_is(table, 1, 0.75F, 0.625F, 0.25F, 0.5F, 0.8F) && near(table->probabilities[3], 0.4F));
    CHECK(table->probabilities[4] == 0 && table->probabilities[5] == 0);
    dn_detections_free(table);
    close_head(&h);
}

static void test_yolo_new_coords_square_the_size(void) {
    head h;
    float output[2 * ENTRIES * CELLS] = {0};
    char text[256] = "";
    strcat(strcat(text, yolo_text), "new_coords=1\nscale_x_y=2\n");
    open_head(&h, DN_ALEXEYAB, text, NULL);
    CHECK(parse_head(&h) == DN_OK);
    put_box(output, 0, 1, (const float[]){0.5F, -0.5F, 0.5F, 1, 0.8F, 0.5F});
    dn_detections *table = decode_head(&h, (dn_shape){1, 2 * ENTRIES, 2, 2}, output, 0.2F, 0.5F, 1);
    CHECK(table->count == 1);
    CHECK(row_is(table, 0, 0.75F, -0.25F, 0.25F, 2, 0.8F));
    dn_detections_free(table);
    close_head(&h);
}

static void test_yolo_needs_room_for_its_classes(void) {
    head h;
    const float output[2 * ENTRIES * CELLS] = {0};
    open_head(&h, DN_ALEXEYAB, "[yolo]\nclasses=4\nnum=1\nanchors=4,4\n", NULL);
    CHECK(parse_head(&h) == DN_OK);
    dn_detections *table;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    const dn_decode_options options = {.net_width = 32, .net_height = 32, .image_width = 32, .image_height = 32};
    CHECK(dn_detections_create(&table, &allocator, 3, false, NULL) == DN_OK);
    CHECK(h.type->decode(h.params, (dn_shape){1, 9, 1, 1}, output, &options, table, &h.err) == DN_E_ARGUMENT);
    CHECK(table->count == 0);
    dn_detections_free(table);
    close_head(&h);
}

typedef struct bad_section {
    const char *text, *key;
} bad_section;

static void test_sections_that_are_refused(void) {
    static const bad_section cases[] = {
        {"[yolo]\nclasses=0\n", "classes"},
        {"[yolo]\nclasses=2000000\n", "classes"},
        {"[yolo]\nnum=0\n", "num"},
        {"[yolo]\nnum=2\nanchors=1,2,3,4\nmask=0,2\n", "mask"},
        {"[yolo]\nnum=2\nanchors=1,2,3,4\nmask=-1\n", "mask"},
        {"[yolo]\nanchors=1,x\n", "anchors"},
        {"[yolo]\nbeta_nms=0\n", "beta_nms"},
        {"[region]\ncoords=5\n", "coords"},
        {"[region]\ntree=file\n", "tree"}, /* not handed in */
        {"[softmax]\ngroups=0\n", "groups"},
        {"[softmax]\ntemperature=0\n", "temperature"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        head h;
        open_head(&h, DN_ALEXEYAB, cases[i].text, NULL);
        CHECK(parse_head(&h) == DN_E_PARSE);
        CHECK_TEXT(h.err.key, cases[i].key);
        CHECK(h.err.line > 0 && h.err.message[0]);
        close_head(&h);
    }
}

static void test_anchors_beyond_num_may_be_used(void) { /* cspx-p7-mish.cfg: num=16, 20 anchors, mask up to 19 */
    head h;
    float output[ENTRIES] = {0.5F, 0.5F, 0, 0, 0.8F, 0.5F};
    open_head(&h, DN_ALEXEYAB, "[yolo]\nclasses=1\nnum=1\nmask=1\nanchors=4,4, 8,16\n", NULL);
    CHECK(parse_head(&h) == DN_OK);
    dn_detections *table = decode_head(&h, (dn_shape){1, ENTRIES, 1, 1}, output, 0.2F, 0.5F, 1);
    CHECK(table->count == 1 && row_is(table, 0, 0.5F, 0.5F, 0.25F, 0.5F, 0.8F));
    dn_detections_free(table);
    close_head(&h);
}

static void test_missing_anchors_are_one_half(void) {
    head h;
    float output[ENTRIES] = {0.5F, 0.5F, 0, 0, 0.8F, 0.5F};
    open_head(&h, DN_ALEXEYAB, "[yolo]\nclasses=1\nanchors=8\n", NULL);
    CHECK(parse_head(&h) == DN_OK);
    dn_detections *table = decode_head(&h, (dn_shape){1, ENTRIES, 1, 1}, output, 0.2F, 0.5F, 1);
    CHECK(table->count == 1 && row_is(table, 0, 0.5F, 0.5F, 0.25F, 0.5F / 32, 0.8F));
    dn_detections_free(table);
    close_head(&h);
}

/* ---- region and trees ---- */

static const char region_text[] = "[region]\nclasses=3\nnum=1\nanchors=1,2\nsoftmax=1\ntree=file\n";
static const char tree_text[] = "a -1\nb -1\nc 0\n"; /* c is a kind of a */

static void test_region_tree_names_the_last_sure_node(void) {
    head h;
    const float output[] = {0, 0, 0, 0, 0.9F, 0.7F, 0.3F, 0.8F}; /* c: 0.7 · 0.8 = 0.56 */
    float copy[8];
    memcpy(copy, output, sizeof copy);
    open_head(&h, DN_ALEXEYAB, region_text, tree_text);
    CHECK(parse_head(&h) == DN_OK);
    dn_detections *table = decode_head(&h, (dn_shape){1, 8, 1, 1}, copy, 0.2F, 0.5F, 3);
    CHECK(table->count == 1 && row_is(table, 0, 0.5F, 0.5F, 1, 2, 1));
    CHECK(table->probabilities[0] == 0 && table->probabilities[1] == 0 && near(table->probabilities[2], 0.56F));
    dn_detections_free(table);
    table = decode_head(&h, (dn_shape){1, 8, 1, 1}, copy, 0.2F, 0.6F, 3);
    CHECK(near(table->probabilities[0], 0.7F) && table->probabilities[2] == 0);
    dn_detections_free(table);
    table = decode_head(&h, (dn_shape){1, 8, 1, 1}, copy, 0.95F, 0.5F, 3); /* objectness is below it */
    CHECK(table->count == 1 && table->probabilities[2] == 0);
    dn_detections_free(table);
    CHECK(memcmp(copy, output, sizeof copy) == 0); /* a second call finds what the first one found */
    close_head(&h);
}

static void test_region_tree_pjreddie_walks_down(void) {
    head h;
    const float output[] = {0.5F, 0.5F, 0, 0, 0.9F, 0.7F, 0.3F, 0.8F};
    open_head(&h, DN_PJREDDIE, region_text, tree_text);
    CHECK(parse_head(&h) == DN_OK);
    dn_detections *table = decode_head(&h, (dn_shape){1, 8, 1, 1}, output, 0.2F, 0.5F, 3); /* 0.7 · 0.56 < 0.5 */
    CHECK(row_is(table, 0, 0.5F, 0.5F, 1, 2, 0.9F));
    CHECK(near(table->probabilities[0], 0.9F) && table->probabilities[2] == 0);
    dn_detections_free(table);
    table = decode_head(&h, (dn_shape){1, 8, 1, 1}, output, 0.2F, 0.3F, 3);
    CHECK(table->probabilities[0] == 0 && near(table->probabilities[2], 0.9F));
    dn_detections_free(table);
    close_head(&h);
}

static void test_tree_groups(void) {
    head h;
    const dn_tree *tree;
    open_head(&h, DN_ALEXEYAB, "[softmax]\ntree=file\n", "a -1\r\nb -1\r\nc 0\r\n  d 0 more\r\ne 2\n\n \n");
    CHECK(dn_tree_parse(&h.section, &h.context, &tree, NULL) == DN_OK);
    CHECK(tree->nodes == 5 && tree->groups == 3);
    CHECK(tree->parent[1] == -1 && tree->parent[3] == 0 && tree->parent[4] == 2);
    CHECK(tree->child[0] == 1 && tree->child[1] == -1 && tree->child[2] == 2 && tree->child[4] == -1);
    CHECK(tree->group_offset[1] == 2 && tree->group_size[0] == 2 && tree->group_size[2] == 1);
    float values[] = {0.5F, 0.5F, 0.5F, 0.5F, 0.5F};
    dn_tree_absolute(tree, values);
    CHECK(values[1] == 0.5F && values[3] == 0.25F && values[4] == 0.125F);
    close_head(&h);
}

typedef struct bad_tree {
    const char *text, *where;
} bad_tree;

static void test_trees_that_are_refused(void) {
    static const bad_tree cases[] = {
        {"", "no lines"},
        {"\n\n", "no lines"},
        {"a 0\n", "in line 1"},
        {"a -1\nb 1\n", "in line 2"},
        {"a -1\nb 7\n", "in line 2"},
        {"a -1\nb -2\n", "in line 2"},
        {"a -1\nb\n", "in line 2"},
        {"a -1\n\nb 0\n", "in line 2"},
        {"-1\n", "in line 1"},
        {"a -1\nb 0x\n", "in line 2"},
        {"a -1\nb zero", "in line 2"},
        {"a -1\nb --1\n", "in line 2"},
        {"a -1\nb 99999999999999999999\n", "in line 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        head h;
        const dn_tree *tree;
        open_head(&h, DN_ALEXEYAB, "[softmax]\ntree=file\n", cases[i].text);
        CHECK(dn_tree_parse(&h.section, &h.context, &tree, &h.err) == DN_E_PARSE);
        CHECK_HAS(h.err.message, cases[i].where);
        CHECK(h.err.line == 3 && strcmp(h.err.key, "tree") == 0);
        close_head(&h);
    }
}

static void test_tree_of_another_size_than_classes(void) {
    head h;
    open_head(&h, DN_ALEXEYAB, region_text, "a -1\nb -1\n");
    CHECK(parse_head(&h) == DN_E_PARSE);
    CHECK_HAS(h.err.message, "2 lines, classes=3");
    close_head(&h);
}

static void test_map_is_checked_when_handed_in(void) {
    static const char *const files[] = {"0\n2\n1\n", "0\n3\n", "-1\n", "x\n"};
    for (int i = 0; i < 4; i++) {
        head h;
        open_head(&h, DN_ALEXEYAB, "[region]\nclasses=3\nnum=1\nanchors=1,2\nmap=file\n", files[i]);
        CHECK(parse_head(&h) == (i == 0 ? DN_OK : DN_E_PARSE));
        close_head(&h);
    }
}

/* ---- shapes ---- */

static dn_status plan_of(const char *layers, dn_error *err) {
    char text[1024] = "[net]\nwidth=8\nheight=8\nchannels=3\n";
    strncat(text, layers, sizeof text - strlen(text) - 1);
    dn_cfg *cfg;
    dn_plan *plan;
    CHECK(dn_cfg_parse(&cfg, text, strlen(text), NULL, NULL) == DN_OK);
    const dn_status status = dn_plan_create(&plan, cfg, NULL, NULL, err);
    if (status == DN_OK) dn_plan_release(plan);
    dn_cfg_release(cfg);
    return status;
}

static void test_filters_that_do_not_fit(void) {
    dn_error err;
    CHECK(plan_of("[convolutional]\nfilters=255\n[yolo]\nclasses=2\nnum=3\nanchors=1,1,2,2,3,3\n", &err) == DN_E_SHAPE);
    CHECK(err.layer == 1 && strcmp(err.section, "yolo") == 0 && strcmp(err.key, "filters") == 0);
    CHECK_TEXT(err.expected, "21");
    CHECK_TEXT(err.found, "255");
    CHECK_HAS(err.message, "filters=21");
    CHECK_HAS(err.message, "layer 0");
    CHECK_HAS(err.message, "classes=80");
    CHECK(plan_of("[convolutional]\nfilters=20\n[region]\nclasses=2\nnum=3\nanchors=1,1,2,2,3,3\n", &err) ==
          DN_E_SHAPE);
    CHECK_TEXT(err.expected, "21");
    CHECK_TEXT(err.found, "20");
    CHECK_HAS(err.message, "filters=21");
    CHECK(!strstr(err.message, "classes=")); /* no number of classes fits */
    CHECK(plan_of("[convolutional]\nfilters=21\n[yolo]\nclasses=2\nnum=3\nanchors=1,1,2,2,3,3\n", &err) == DN_OK);
}

static void test_softmax_groups_that_do_not_divide(void) {
    dn_error err;
    CHECK(plan_of("[connected]\noutput=10\n[softmax]\ngroups=3\n", &err) == DN_E_SHAPE);
    CHECK_TEXT(err.key, "groups");
    CHECK(plan_of("[connected]\noutput=10\n[softmax]\ngroups=5\n", &err) == DN_OK);
}

int main(void) {
    test_yolo_decodes_cell_by_cell();
    test_yolo_new_coords_square_the_size();
    test_yolo_needs_room_for_its_classes();
    test_sections_that_are_refused();
    test_anchors_beyond_num_may_be_used();
    test_missing_anchors_are_one_half();
    test_region_tree_names_the_last_sure_node();
    test_region_tree_pjreddie_walks_down();
    test_tree_groups();
    test_trees_that_are_refused();
    test_tree_of_another_size_than_classes();
    test_map_is_checked_when_handed_in();
    test_filters_that_do_not_fit();
    test_softmax_groups_that_do_not_divide();
    return harness_result();
}
