/* nms.c — non-maximum suppression: boxes by descending score, each one kept suppresses the later ones that overlap it.
 *
 *   method  score        per class  suppressed when
 *   SORT    probability  yes        IoU > threshold
 *   OBJ     objectness   no         IoU > threshold
 *   KIND    probability  yes        default: never; greedynms: DIoU > threshold; cornersnms: IoU > threshold;
 *                                   diounms: IoU − (d/c)^beta > threshold
 *
 * cornersnms lets a box of another yolo_point improve the one that suppresses it: what the kept box has not measured (its
 * centre, when the other one stands for a centre, else its size) becomes the mean of both, weighted by the squares of
 * their probabilities.
 *
 * Equal scores keep the order of the table. Only kept boxes are compared with later ones that still live. */
#include "detect/box.h"

typedef struct candidate {
    float score;
    int class_index, row;
} candidate;

typedef struct suppression {
    dn_nms_method method;
    dn_nms_kind kind;
    float threshold, beta;
} suppression;

/* A total order, so that every sorting algorithm gives the same result. */
static bool comes_before(const candidate *a, const candidate *b) {
    if (a->class_index != b->class_index) return a->class_index < b->class_index;
    if (a->score != b->score) return a->score > b->score;
    return a->row < b->row;
}

static void sift_down(candidate *heap, size_t root, size_t count) {
    const candidate moved = heap[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && comes_before(&heap[child], &heap[child + 1])) child++;
        if (!comes_before(&moved, &heap[child])) break;
        heap[root] = heap[child];
        root = child;
    }
    heap[root] = moved;
}

/* Heapsort: no memory, no bad case. */
static void sort_candidates(candidate *candidates, size_t count) {
    for (size_t root = count / 2; root-- > 0;) sift_down(candidates, root, count);
    for (size_t last = count; last-- > 1;) {
        const candidate first = candidates[0];
        candidates[0] = candidates[last];
        candidates[last] = first;
        sift_down(candidates, 0, last);
    }
}

/* One candidate for every score that is not 0; into NULL: counts only. */
static size_t collect(const dn_detections *detections, dn_nms_method method, candidate *into) {
    const int columns = method == DN_NMS_OBJ ? 1 : detections->classes;
    const float *scores = method == DN_NMS_OBJ ? detections->objectness : detections->probabilities;
    size_t count = 0;
    for (int row = 0; row < detections->count; row++) {
        for (int column = 0; column < columns; column++) {
            const float score = *scores++;
            if (score == 0) continue;
            if (into) into[count] = (candidate){score, column, row};
            count++;
        }
    }
    return count;
}

static dn_box box_of(const dn_detections *detections, int row) {
    const float *box = detections->boxes + 4 * (size_t)row;
    return (dn_box){box[0], box[1], box[2], box[3]};
}

static bool overlaps(dn_box a, dn_box b, const suppression *rule) {
    if (rule->method == DN_NMS_KIND && rule->kind == DN_NMS_GREEDY) return dn_diou(a, b) > rule->threshold;
    if (rule->method == DN_NMS_KIND && rule->kind == DN_NMS_DIOU)
        return dn_diou_nms(a, b, rule->beta) > rule->threshold;
    return dn_iou(a, b) > rule->threshold;
}

static void suppress(dn_detections *detections, const candidate *one, dn_nms_method method) {
    float *probabilities = detections->probabilities + (size_t)one->row * (size_t)detections->classes;
    if (method != DN_NMS_OBJ) {
        probabilities[one->class_index] = 0;
        return;
    }
    detections->objectness[one->row] = 0;
    for (int j = 0; j < detections->classes; j++) probabilities[j] = 0;
}

/* Before `gone` is suppressed by `kept`. */
static void merge_points(dn_detections *detections, const candidate *kept, const candidate *gone) {
    const int points = detections->points[gone->row];
    float *to = detections->boxes + 4 * (size_t)kept->row;
    const float *from = detections->boxes + 4 * (size_t)gone->row;
    const float p = kept->score * kept->score, q = gone->score * gone->score;
    if ((detections->points[kept->row] & points) == 0 && p + q > 0) {
        const int first = points == DN_POINT_CENTER ? 0 : 2; /* x and y, or w and h */
        for (int i = first; i < first + 2; i++) to[i] = (to[i] * p + from[i] * q) / (p + q);
    }
    detections->points[kept->row] |= points;
}

/* candidates: sorted, of one class. The living move together, so suppressed ones cost nothing later. */
static void suppress_class(dn_detections *detections, candidate *candidates, size_t count, const suppression *rule) {
    const bool merges = rule->method == DN_NMS_KIND && rule->kind == DN_NMS_CORNERS && detections->points;
    for (size_t kept = 0; kept < count; kept++) {
        const dn_box box = box_of(detections, candidates[kept].row);
        size_t living = kept + 1;
        for (size_t j = kept + 1; j < count; j++) {
            if (overlaps(box, box_of(detections, candidates[j].row), rule)) {
                if (merges) merge_points(detections, &candidates[kept], &candidates[j]);
                suppress(detections, &candidates[j], rule->method);
            } else {
                candidates[living++] = candidates[j];
            }
        }
        count = living;
    }
}

static dn_status check(const suppression *rule, dn_error *err) {
    if ((unsigned)rule->method > DN_NMS_KIND)
        return dn_fail(err, DN_E_ARGUMENT, "method is %d, must be 0 (sort), 1 (obj) or 2 (kind)", (int)rule->method);
    if (rule->threshold != rule->threshold)
        return dn_fail(err, DN_E_ARGUMENT, "IoU threshold is NaN, must be a number, usually between 0 and 1");
    if (rule->method != DN_NMS_KIND) return DN_OK;
    if ((unsigned)rule->kind > DN_NMS_CORNERS)
        return dn_fail(err, DN_E_ARGUMENT, "nms_kind is %d, must be 0 to 3", (int)rule->kind);
    if (!(rule->beta > 0 && rule->beta <= 1e6F))
        return dn_fail(err, DN_E_ARGUMENT, "beta_nms is %g, must be a positive number", (double)rule->beta);
    return DN_OK;
}

dn_status dn_detections_nms(dn_detections *detections, dn_nms_method method, float iou_threshold, dn_nms_kind kind,
                            float beta, dn_error *err) {
    const suppression rule = {method, kind, iou_threshold, beta};
    DN_TRY(check(&rule, err));
    if (method == DN_NMS_KIND && kind == DN_NMS_DEFAULT) return DN_OK;
    const size_t count = collect(detections, method, NULL);
    if (count == 0) return DN_OK;
    void *memory;
    DN_TRY(dn_alloc_dirty(&detections->allocator, &memory, count, sizeof(candidate), "non-maximum suppression", err));
    candidate *candidates = memory;
    (void)collect(detections, method, candidates);
    sort_candidates(candidates, count);
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && candidates[next].class_index == candidates[first].class_index;) next++;
        suppress_class(detections, candidates + first, next - first, &rule);
    }
    dn_free(&detections->allocator, memory);
    return DN_OK;
}
