/* test_heads.c — yolo, Gaussian_yolo, detection, region and softmax beyond the goldens: class trees, boxes decoded from outputs made by hand,
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
        {"[Gaussian_yolo]\nyolo_point=top\n", "yolo_point"},
        {"[Gaussian_yolo]\nnum=2\nanchors=1,2,3,4\nmask=0,2\n", "mask"},
        {"[Gaussian_yolo]\nclasses=0\n", "classes"},
        {"[Gaussian_yolo]\nbeta_nms=-1\n", "beta_nms"},
        {"[detection]\nside=0\n", "side"},
        {"[detection]\nside=5000\n", "side"},
        {"[detection]\nnum=0\n", "num"},
        {"[detection]\ncoords=0\n", "coords"},
        {"[detection]\nclasses=-1\n", "classes"},
        {"[yolo]\nembedding_layer=x\n", "embedding_layer"},
        {"[yolo]\ntrack_history_size=-1\n", "track_history_size"},
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

/* ---- detection ---- */

static const char detection_text[] = "[detection]\nclasses=2\ncoords=4\nside=2\nnum=2\nsqrt=1\n";

enum { V1_CELLS = 4, V1_BOXES = 8, V1_VALUES = V1_CELLS * 2 + V1_BOXES * 5 };

static void put_v1_box(float *output, int box, float objectness, const float *values) {
    output[V1_CELLS * 2 + box] = objectness;
    memcpy(output + V1_CELLS * 2 + V1_BOXES + 4 * box, values, 4 * sizeof(float));
}

static void test_detection_decodes_every_box(void) {
    head h;
    float output[V1_VALUES] = {0};
    open_head(&h, DN_ALEXEYAB, detection_text, NULL);
    CHECK(parse_head(&h) == DN_OK);
    output[2 * 3] = 0.5F; /* classes of cell 3, column 1 of row 1 */
    output[2 * 3 + 1] = 0.25F;
    put_v1_box(output, 7, 0.8F, (const float[]){0.5F, 0.25F, 0.5F, -1});
    put_v1_box(output, 2, -3, (const float[]){0, 1, 2, 0}); /* second cell of the first row */
    dn_detections *table = decode_head(&h, (dn_shape){1, V1_VALUES, 1, 1}, output, 0.3F, 0.5F, 3);
    CHECK(table->count == V1_BOXES);
    CHECK(row_is(table, 7, 0.75F, 0.625F, 0.25F, 1, 0.8F));
    CHECK(near(table->probabilities[21], 0.4F) && table->probabilities[22] == 0 && table->probabilities[23] == 0);
    CHECK(row_is(table, 2, 0.5F, 0.5F, 4, 0, -3) && table->probabilities[6] == 0);
    CHECK(row_is(table, 0, 0, 0, 0, 0, 0));
    dn_detections_free(table);
    close_head(&h);
}

static void test_detection_without_sqrt_and_with_other_coords(void) {
    head h;
    float output[V1_VALUES] = {0};
    open_head(&h, DN_PJREDDIE, "[detection]\nclasses=2\ncoords=4\nside=2\nnum=2\n", NULL);
    CHECK(parse_head(&h) == DN_OK);
    put_v1_box(output, 0, 0.5F, (const float[]){0.5F, 0.5F, -0.5F, 0.25F});
    dn_detections *table = decode_head(&h, (dn_shape){1, V1_VALUES, 1, 1}, output, 0.3F, 0.5F, 2);
    CHECK(row_is(table, 0, 0.25F, 0.25F, -0.5F, 0.25F, 0.5F));
    dn_detections_free(table);
    close_head(&h);
    open_head(&h, DN_PJREDDIE, "[detection]\n", NULL); /* coords=1 */
    CHECK(parse_head(&h) == DN_OK);
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    const dn_decode_options options = {.net_width = 32, .net_height = 32, .image_width = 32, .image_height = 32};
    CHECK(dn_detections_create(&table, &allocator, 1, false, NULL) == DN_OK);
    CHECK(h.type->decode(h.params, (dn_shape){1, 147, 1, 1}, output, &options, table, &h.err) == DN_E_UNSUPPORTED);
    CHECK_HAS(h.err.message, "coords=1");
    dn_detections_free(table);
    close_head(&h);
}

/* ---- gaussian_yolo ---- */

enum { GAUSSIAN_ENTRIES = 10 }; /* one class, one cell */

static dn_detections *decode_gaussian(const char *keys, const float *output, float threshold) {
    head h;
    char text[256] = "[Gaussian_yolo]\nclasses=1\nnum=1\nanchors=8,16\n";
    strcat(text, keys);
    open_head(&h, DN_ALEXEYAB, text, NULL);
    CHECK(parse_head(&h) == DN_OK);
    dn_detections *table;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    const dn_decode_options options = {.threshold = threshold,
                                       .net_width = 32,
                                       .net_height = 32,
                                       .image_width = 32,
                                       .image_height = 32,
                                       .relative = true};
    CHECK(dn_detections_create(&table, &allocator, 1, true, NULL) == DN_OK);
    CHECK(h.type->decode(h.params, (dn_shape){1, GAUSSIAN_ENTRIES, 1, 1}, output, &options, table, NULL) == DN_OK);
    close_head(&h);
    return table;
}

static void test_gaussian_scores_count_the_uncertainty(void) {
    const float output[] = {0.5F, 0.1F, 0.25F, 0.2F, 0.69314718F, 0.3F, 0, 0.6F, 0.8F, 0.5F};
    dn_detections *table = decode_gaussian("", output, 0.2F);
    CHECK(table->count == 1 && row_is(table, 0, 0.5F, 0.25F, 0.5F, 0.5F, 0.8F));
    CHECK(near(table->probabilities[0], 0.28F)); /* 0.8 · 0.5 · (1 − 0.3) */
    CHECK(near(table->uncertainty[0], 0.1F) && near(table->uncertainty[1], 0.2F));
    CHECK(near(table->uncertainty[2], 0.3F) && near(table->uncertainty[3], 0.6F));
    dn_detections_free(table);
    table = decode_gaussian("", output, 0.3F);
    CHECK(table->count == 1 && table->probabilities[0] == 0);
    dn_detections_free(table);
    table = decode_gaussian("", output, 0.8F);
    CHECK(table->count == 0);
    dn_detections_free(table);
}

static void test_gaussian_points(void) {
    const float output[] = {0.5F, 0, 0.25F, 0, 0.69314718F, 0, 0, 0, 0.8F, 0.5F};
    dn_detections *table = decode_gaussian("yolo_point=left_top\n", output, 0.2F);
    CHECK(row_is(table, 0, 0.75F, 0.5F, 0.5F, 0.5F, 0.8F) && table->points[0] == DN_POINT_LEFT_TOP);
    dn_detections_free(table);
    table = decode_gaussian("yolo_point=right_bottom\n", output, 0.2F);
    CHECK(row_is(table, 0, 0.25F, 0, 0.5F, 0.5F, 0.8F) && table->points[0] == DN_POINT_RIGHT_BOTTOM);
    dn_detections_free(table);
}

/* The box that stays takes over what it has not measured itself. */
static void test_corners_join(void) {
    dn_detections *table;
    int row;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    const float boxes[] = {0.5F, 0.5F, 0.4F, 0.4F, 0.52F, 0.5F, 0.4F, 0.5F, 0.5F, 0.54F, 0.44F, 0.4F};
    const float probabilities[] = {0.8F, 0.6F, 0.4F};
    const int points[] = {DN_POINT_LEFT_TOP, DN_POINT_CENTER, DN_POINT_CENTER};
    CHECK(dn_detections_create(&table, &allocator, 1, true, NULL) == DN_OK);
    CHECK(dn_detections_extend(table, 3, &row, NULL) == DN_OK);
    memcpy(table->boxes, boxes, sizeof boxes);
    memcpy(table->probabilities, probabilities, sizeof probabilities);
    memcpy(table->points, points, sizeof points);
    CHECK(dn_detections_nms(table, DN_NMS_KIND, 0.45F, DN_NMS_CORNERS, 0.6F, NULL) == DN_OK);
    CHECK(table->probabilities[0] == 0.8F && table->probabilities[1] == 0 && table->probabilities[2] == 0);
    CHECK(near(table->boxes[0], 0.64F * 0.5F + 0.36F * 0.52F)); /* 0.8² : 0.6²; the third box brings no new point */
    CHECK(near(table->boxes[1], 0.5F) && near(table->boxes[2], 0.4F) && near(table->boxes[3], 0.4F));
    CHECK(table->points[0] == (DN_POINT_LEFT_TOP | DN_POINT_CENTER));
    dn_detections_free(table);
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

static void test_inputs_of_detection_that_do_not_fit(void) {
    dn_error err;
    static const char head[] = "[detection]\nclasses=3\ncoords=4\nside=2\nnum=2\n";
    char text[256] = "[connected]\noutput=50\n";
    CHECK(plan_of(strcat(text, head), &err) == DN_E_SHAPE); /* 4 · (3 + 2 · 5) */
    CHECK(err.layer == 1 && strcmp(err.section, "detection") == 0);
    CHECK_TEXT(err.expected, "52");
    CHECK_TEXT(err.found, "50");
    CHECK_HAS(err.message, "output=52");
    memcpy(text, "[connected]\noutput=52", 21);
    CHECK(plan_of(text, &err) == DN_OK);
    CHECK(plan_of("[detection]\nclasses=1048576\ncoords=4096\nside=4096\nnum=4096\n", &err) == DN_E_SHAPE);
}

static void test_filters_of_gaussian_yolo(void) {
    dn_error err;
    static const char head[] = "[Gaussian_yolo]\nclasses=2\nnum=3\nanchors=1,1,2,2,3,3\n";
    char text[256] = "[convolutional]\nfilters=21\n";
    CHECK(plan_of(strcat(text, head), &err) == DN_E_SHAPE);
    CHECK_TEXT(err.expected, "33");
    CHECK_HAS(err.message, "filters=33");
    memcpy(text, "[convolutional]\nfilters=33", 26);
    CHECK(plan_of(text, &err) == DN_OK);
}

static dn_status plan_of_embedding(const char *reference, const char *first, dn_error *err) {
    char text[512];
    (void)snprintf(text, sizeof text,
                   "%s[convolutional]\nfilters=14\n[yolo]\nclasses=2\nnum=2\nanchors=1,1,2,2\nembedding_layer=%s\n",
                   first, reference);
    return plan_of(text, err);
}

static void test_embedding_layers_that_do_not_fit(void) {
    dn_error err;
    CHECK(plan_of_embedding("-2", "[convolutional]\nfilters=8\n", &err) == DN_OK);
    CHECK(plan_of_embedding("0", "[convolutional]\nfilters=8\n", &err) == DN_OK);
    CHECK(plan_of_embedding("-2", "[convolutional]\nfilters=7\n", &err) == DN_E_SHAPE); /* 2 anchors */
    CHECK_TEXT(err.key, "embedding_layer");
    CHECK_HAS(err.message, "8x8x7");
    CHECK(plan_of_embedding("0", "[maxpool]\nsize=2\nstride=2\n[upsample]\n", &err) == DN_E_SHAPE); /* 4 × 4 cells */
    CHECK(plan_of_embedding("-9", "", &err) == DN_E_PARSE);
    CHECK(plan_of_embedding("1", "", &err) == DN_E_PARSE); /* the head itself */
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
    test_detection_decodes_every_box();
    test_detection_without_sqrt_and_with_other_coords();
    test_gaussian_scores_count_the_uncertainty();
    test_gaussian_points();
    test_corners_join();
    test_region_tree_names_the_last_sure_node();
    test_region_tree_pjreddie_walks_down();
    test_tree_groups();
    test_trees_that_are_refused();
    test_tree_of_another_size_than_classes();
    test_map_is_checked_when_handed_in();
    test_filters_that_do_not_fit();
    test_inputs_of_detection_that_do_not_fit();
    test_filters_of_gaussian_yolo();
    test_embedding_layers_that_do_not_fit();
    test_softmax_groups_that_do_not_divide();
    return harness_result();
}
