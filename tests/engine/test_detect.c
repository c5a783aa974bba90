/* test_detect.c — overlaps, the way back from a letterbox, the table of boxes, non-maximum suppression. Expected values
 * are worked out by hand. */
#include "detect/box.h"
#include "harness.h"

static bool near(float a, float b) { return fabsf(a - b) <= 2e-6F; }

static bool box_near(dn_box box, float x, float y, float w, float h) {
    return near(box.x, x) && near(box.y, y) && near(box.w, w) && near(box.h, h);
}

/* ---- overlaps ---- */

static void test_overlap_of_shifted_boxes(void) {
    const dn_box a = {1, 1, 2, 2}, b = {2, 1, 2, 2}; /* I 2, U 6, hull 3 × 2 */
    CHECK(near(dn_iou(a, b), 1.0F / 3));
    CHECK(near(dn_giou(a, b), 1.0F / 3));
    CHECK(near(dn_diou(a, b), 0.118731F)); /* 1/3 − (1/13)^0.6 */
    CHECK(near(dn_ciou(a, b), 1.0F / 3 - 1.0F / 13));
    CHECK(near(dn_diou_nms(a, b, 2), 1.0F / 3 - 1.0F / 169));
}

static void test_overlap_of_boxes_apart(void) {
    const dn_box a = {0, 0, 2, 2}, b = {4, 0, 2, 2}; /* U 8, hull 6 × 2 */
    CHECK(dn_iou(a, b) == 0);
    CHECK(near(dn_giou(a, b), -1.0F / 3));
    CHECK(near(dn_ciou(a, b), -0.4F)); /* 16 / (36 + 4) */
}

static void test_overlap_of_other_proportions(void) {
    const dn_box wide = {0, 0, 2, 1}, tall = {0, 0, 1, 2}; /* I 1, U 3, v 0.1678258, alpha 0.2011110 */
    CHECK(near(dn_iou(wide, tall), 1.0F / 3));
    CHECK(near(dn_diou(wide, tall), 1.0F / 3));
    CHECK(near(dn_ciou(wide, tall), 0.299582F));
}

static void test_overlap_of_empty_boxes(void) {
    const dn_box point = {1, 1, 0, 0};
    CHECK(dn_iou(point, point) == 0);
    CHECK(dn_giou(point, point) == 0);
    CHECK(dn_diou(point, point) == 0);
    CHECK(dn_ciou(point, point) == 0);
}

static void test_overlap_of_lists(void) {
    const float a[] = {1, 1, 2, 2, 0, 0, 2, 2}, b[] = {2, 1, 2, 2, 4, 0, 2, 2};
    float out[2];
    dn_box_iou(a, b, 2, DN_GIOU, out);
    CHECK(near(out[0], 1.0F / 3) && near(out[1], -1.0F / 3));
    dn_box_iou(a, b, 2, DN_IOU, out);
    CHECK(near(out[0], 1.0F / 3) && out[1] == 0);
    dn_box_iou(a, b, 1, DN_DIOU, out);
    CHECK(near(out[0], 0.118731F));
    dn_box_iou(a, b, 1, DN_CIOU, out);
    CHECK(near(out[0], 1.0F / 3 - 1.0F / 13));
}

/* ---- back to the image ---- */

static dn_decode_options options_of(int net, int width, int height, bool letterbox, bool relative) {
    return (dn_decode_options){.net_width = net,
                               .net_height = net,
                               .image_width = width,
                               .image_height = height,
                               .letterbox = letterbox,
                               .relative = relative};
}

static void test_box_to_image_stretched(void) {
    const dn_box box = {0.5F, 0.25F, 0.5F, 1};
    dn_decode_options options = options_of(416, 200, 100, false, true);
    CHECK(box_near(dn_box_to_image(box, &options), 0.5F, 0.25F, 0.5F, 1));
    options.relative = false;
    CHECK(box_near(dn_box_to_image(box, &options), 100, 25, 100, 100));
}

static void test_box_to_image_letterboxed(void) {
    const dn_box box = {0.5F, 0.25F, 0.5F, 0.5F}; /* 200 × 100 becomes 416 × 208, 104 rows down */
    dn_decode_options options = options_of(416, 200, 100, true, true);
    CHECK(box_near(dn_box_to_image(box, &options), 0.5F, 0, 0.5F, 1));
    options = options_of(416, 100, 200, true, false);
    CHECK(box_near(dn_box_to_image((dn_box){0.25F, 0.5F, 0.5F, 0.5F}, &options), 0, 100, 100, 100));
    options = options_of(64, 75, 50, true, true); /* 50 · 64 / 75 = 42.67, cut to 42 */
    CHECK(box_near(dn_box_to_image((dn_box){0.5F, 0.5F, 1, 42.0F / 64}, &options), 0.5F, 0.5F, 1, 1));
}

static void test_box_to_image_of_one_row(void) {
    const dn_decode_options options = options_of(32, 10000, 1, true, true); /* 32/10000 rows: kept at 1 */
    const dn_box box = dn_box_to_image((dn_box){0.5F, 0.5F, 0.5F, 1.0F / 32}, &options);
    CHECK(box_near(box, 0.5F, 0.5F, 0.5F, 1));
}

/* ---- the table ---- */

static void test_table_grows_and_keeps(void) {
    dn_detections *table;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    CHECK(dn_detections_create(&table, &allocator, 2, true, NULL) == DN_OK);
    CHECK(dn_detections_count(table) == 0 && dn_detections_classes(table) == 2);
    CHECK(dn_detections_uncertainty(table) != NULL);
    int first = -1;
    CHECK(dn_detections_extend(table, 2, &first, NULL) == DN_OK && first == 0);
    table->boxes[7] = 7;
    table->probabilities[3] = 3;
    table->uncertainty[7] = 5;
    CHECK(dn_detections_extend(table, 100, &first, NULL) == DN_OK && first == 2);
    CHECK(dn_detections_count(table) == 102);
    CHECK(dn_detections_boxes(table)[7] == 7 && dn_detections_boxes(table)[8] == 0);
    CHECK(dn_detections_probabilities(table)[3] == 3 && dn_detections_probabilities(table)[203] == 0);
    CHECK(dn_detections_uncertainty(table)[7] == 5);
    CHECK(dn_detections_objectness(table)[101] == 0);
    dn_error err;
    CHECK(dn_detections_extend(table, INT32_MAX, &first, &err) == DN_E_ARGUMENT);
    CHECK(dn_detections_extend(table, -1, &first, &err) == DN_E_ARGUMENT);
    CHECK(dn_detections_count(table) == 102);
    dn_detections_free(table);
    dn_detections_free(NULL);
    CHECK(dn_detections_create(&table, &allocator, -1, false, &err) == DN_E_ARGUMENT);
}

static dn_status fill_and_suppress(dn_detections *table, dn_error *err) {
    int first;
    for (int i = 0; i < 5; i++) {
        DN_TRY(dn_detections_extend(table, 1, &first, err));
        table->probabilities[first] = 0.5F;
        table->boxes[4 * first + 2] = table->boxes[4 * first + 3] = 1;
    }
    return dn_detections_nms(table, DN_NMS_SORT, 0.5F, DN_NMS_DEFAULT, 0.6F, err);
}

static dn_status make_table(const dn_options *options, void *user, dn_error *err) {
    (void)user;
    dn_detections *table;
    DN_TRY(dn_detections_create(&table, &options->allocator, 1, true, err));
    const dn_status status = fill_and_suppress(table, err);
    const int whole = status == DN_OK ? table->count : table->count - 1; /* the last row may not be filled yet */
    for (int i = 0; i < whole; i++) CHECK(table->boxes[4 * i + 2] == 1);
    dn_detections_free(table);
    return status;
}

static void test_every_allocation_may_fail(void) { check_every_allocation(make_table, NULL); }

/* ---- suppression ---- */

typedef struct row {
    float x, objectness, probabilities[2];
} row;

/* Boxes 2 × 2 at (x, 0). */
static dn_detections *table_of(const row *rows, int count) {
    dn_detections *table = NULL;
    int first;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    CHECK(dn_detections_create(&table, &allocator, 2, false, NULL) == DN_OK);
    CHECK(dn_detections_extend(table, count, &first, NULL) == DN_OK);
    for (int i = 0; i < count; i++) {
        memcpy(table->boxes + 4 * i, (float[]){rows[i].x, 0, 2, 2}, 4 * sizeof(float));
        table->objectness[i] = rows[i].objectness;
        memcpy(table->probabilities + 2 * i, rows[i].probabilities, sizeof rows[i].probabilities);
    }
    return table;
}

/* Bit 2·row + class is set where the probability is left. */
static unsigned left_after(const row *rows, int count, dn_nms_method method, float threshold, dn_nms_kind kind,
                           float beta) {
    dn_detections *table = table_of(rows, count);
    CHECK(dn_detections_nms(table, method, threshold, kind, beta, NULL) == DN_OK);
    unsigned left = 0;
    for (int i = 0; i < 2 * count; i++) {
        if (table->probabilities[i] != 0) left |= 1U << i;
        CHECK(table->probabilities[i] == 0 || table->probabilities[i] == rows[i / 2].probabilities[i % 2]);
    }
    dn_detections_free(table);
    return left;
}

static unsigned left_after_sort(const row *rows, int count, float threshold) {
    return left_after(rows, count, DN_NMS_SORT, threshold, DN_NMS_DEFAULT, 0.6F);
}

static void test_nms_sort_the_suppressed_do_not_suppress(void) {
    const row rows[] = {{2, 1, {0.7F, 0}}, {1, 1, {0.8F, 0}}, {0, 1, {0.9F, 0}}}; /* neighbours: 1/3, ends: 0 */
    CHECK(left_after_sort(rows, 3, 0.3F) == (1U << 0 | 1U << 4));
    CHECK(left_after_sort(rows, 3, 0.34F) == (1U << 0 | 1U << 2 | 1U << 4));
}

static void test_nms_sort_class_by_class(void) {
    const row rows[] = {{0, 1, {0.9F, 0.1F}}, {1, 1, {0.2F, 0.8F}}};
    CHECK(left_after_sort(rows, 2, 0.3F) == (1U << 0 | 1U << 3));
}

static void test_nms_sort_ties_keep_the_order(void) {
    const row rows[] = {{0, 1, {0.5F, 0.3F}}, {0, 1, {0.5F, 0.3F}}, {0, 1, {0.5F, 0.4F}}};
    CHECK(left_after_sort(rows, 3, 0.5F) == (1U << 0 | 1U << 5));
}

static void test_nms_obj_takes_all_classes(void) {
    const row rows[] = {{0, 0.5F, {0.9F, 0.9F}}, {1, 0.6F, {0.1F, 0}}, {9, 0.1F, {0, 0.2F}}, {1, 0, {0.7F, 0}}};
    dn_detections *table = table_of(rows, 4);
    CHECK(dn_detections_nms(table, DN_NMS_OBJ, 0.3F, DN_NMS_DEFAULT, 0.6F, NULL) == DN_OK);
    CHECK(table->objectness[0] == 0 && table->probabilities[0] == 0 && table->probabilities[1] == 0);
    CHECK(table->objectness[1] == 0.6F && table->probabilities[2] == 0.1F);
    CHECK(table->objectness[2] == 0.1F && table->probabilities[5] == 0.2F);
    CHECK(table->probabilities[6] == 0.7F); /* objectness 0 takes no part */
    dn_detections_free(table);
}

static void test_nms_kinds(void) {
    const row rows[] = {{0, 1, {0.9F, 0}}, {1, 1, {0.8F, 0}}}; /* IoU 0.333, DIoU 0.119, with beta 2 0.327 */
    const unsigned both = 1U << 0 | 1U << 2, one = 1U << 0;
    CHECK(left_after(rows, 2, DN_NMS_KIND, 0.1F, DN_NMS_DEFAULT, 0.6F) == both);
    CHECK(left_after(rows, 2, DN_NMS_KIND, 0.2F, DN_NMS_GREEDY, 2) == both); /* takes no beta */
    CHECK(left_after(rows, 2, DN_NMS_KIND, 0.1F, DN_NMS_GREEDY, 2) == one);
    CHECK(left_after(rows, 2, DN_NMS_KIND, 0.2F, DN_NMS_DIOU, 0.6F) == both);
    CHECK(left_after(rows, 2, DN_NMS_KIND, 0.2F, DN_NMS_DIOU, 2) == one);
    CHECK(left_after(rows, 2, DN_NMS_KIND, 0.2F, DN_NMS_CORNERS, 0.6F) == one);
    CHECK(left_after(rows, 2, DN_NMS_SORT, 0.2F, DN_NMS_GREEDY, 0.6F) == one); /* kind is for KIND only */
}

static void test_nms_refuses(void) {
    dn_detections *table = table_of((const row[]){{0, 1, {0.5F, 0}}}, 1);
    dn_error err;
    CHECK(dn_detections_nms(table, (dn_nms_method)7, 0.5F, DN_NMS_DEFAULT, 0.6F, &err) == DN_E_ARGUMENT);
    CHECK(dn_detections_nms(table, DN_NMS_SORT, NAN, DN_NMS_DEFAULT, 0.6F, &err) == DN_E_ARGUMENT);
    CHECK(dn_detections_nms(table, DN_NMS_KIND, 0.5F, (dn_nms_kind)9, 0.6F, &err) == DN_E_ARGUMENT);
    CHECK(dn_detections_nms(table, DN_NMS_KIND, 0.5F, DN_NMS_DIOU, NAN, &err) == DN_E_ARGUMENT);
    CHECK(dn_detections_nms(table, DN_NMS_KIND, 0.5F, DN_NMS_DIOU, 0, &err) == DN_E_ARGUMENT);
    CHECK(table->probabilities[0] == 0.5F);
    dn_detections_free(table);
}

/* Against the definition: row by row, every kept box with every later one. */
static void test_nms_sort_of_many(void) {
    enum { COUNT = 200 };
    static row rows[COUNT];
    uint32_t state = 1;
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < 2; k++) {
            state = state * 1664525U + 1013904223U;
            rows[i].probabilities[k] = (float)(state >> 28) / 16; /* 16 levels: many ties, some zeros */
        }
        rows[i].x = (float)(state >> 8 & 0xFFFFU) / 4096;
        rows[i].objectness = 1;
    }
    dn_detections *table = table_of(rows, COUNT);
    CHECK(dn_detections_nms(table, DN_NMS_SORT, 0.45F, DN_NMS_DEFAULT, 0.6F, NULL) == DN_OK);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < COUNT; i++) {
            const float own = rows[i].probabilities[k];
            bool suppressed = own == 0;
            for (int j = 0; j < COUNT && !suppressed; j++) {
                const float other = table->probabilities[2 * j + k]; /* not 0: kept */
                const bool earlier = other > own || (other == own && j < i);
                suppressed =
                    other != 0 && earlier && dn_iou((dn_box){rows[i].x, 0, 2, 2}, (dn_box){rows[j].x, 0, 2, 2}) > 0.45F;
            }
            CHECK((table->probabilities[2 * i + k] == 0) == suppressed);
        }
    }
    dn_detections_free(table);
}

int main(void) {
    test_overlap_of_shifted_boxes();
    test_overlap_of_boxes_apart();
    test_overlap_of_other_proportions();
    test_overlap_of_empty_boxes();
    test_overlap_of_lists();
    test_box_to_image_stretched();
    test_box_to_image_letterboxed();
    test_box_to_image_of_one_row();
    test_table_grows_and_keeps();
    test_every_allocation_may_fail();
    test_nms_sort_the_suppressed_do_not_suppress();
    test_nms_sort_class_by_class();
    test_nms_sort_ties_keep_the_order();
    test_nms_obj_takes_all_classes();
    test_nms_kinds();
    test_nms_refuses();
    test_nms_sort_of_many();
    return harness_result();
}
