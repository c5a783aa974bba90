/* tree.c — tree= files: untrusted text → parents, children and groups. */
#include "layers/tree.h"

#include "base/number.h"

#define NODES_MAX (1 << 20)

typedef struct tree_lines {
    dn_section *section;
    const dn_resource *file;
    const char *next, *end;
    int line; /* of the text last returned, from 1 */
} tree_lines;

typedef struct tree_builder {
    dn_tree tree;
    int *parent, *child, *group_offset, *group_size;
} tree_builder;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next line without blanks at its end; false at the end of the file. */
static bool next_line(tree_lines *lines, const char **text, const char **end) {
    if (lines->next == lines->end) return false;
    const char *stop = lines->next;
    while (stop < lines->end && *stop != '\n') stop++;
    *text = lines->next;
    *end = stop;
    while (*end > *text && is_blank((*end)[-1])) (*end)--;
    lines->next = stop < lines->end ? stop + 1 : stop;
    lines->line++;
    return true;
}

static tree_lines open_lines(dn_section *section, const dn_resource *file) {
    const char *text = file->bytes;
    return (tree_lines){section, file, text, file->size ? text + file->size : text, 0};
}

/* Lines up to the last one that is not blank; NODES_MAX + 1 stands for any larger number. */
static int count_nodes(dn_section *section, const dn_resource *file) {
    tree_lines lines = open_lines(section, file);
    const char *text, *end;
    int nodes = 0;
    while (lines.line <= NODES_MAX && next_line(&lines, &text, &end)) {
        if (end > text) nodes = lines.line;
    }
    return nodes;
}

/* "name parent" → parent. */
static dn_status parse_node(const tree_lines *lines, int node, const char *text, const char *end, int *parent,
                            dn_error *err) {
    const char *at = text;
    while (at < end && is_blank(*at)) at++;
    while (at < end && !is_blank(*at)) at++;
    while (at < end && is_blank(*at)) at++;
    int64_t value;
    const char *next;
    if (at == text || !dn_parse_int(at, end, &value, &next) || (next < end && !is_blank(*next)))
        return dn_section_fail(lines->section, "tree", err, "name parent",
                               "must say \"name parent\" in line %d, parent the number of an earlier line or -1",
                               lines->line);
    if (value != -1 && (value < 0 || value >= node))
        return dn_section_fail(lines->section, "tree", err, "an earlier line or -1",
                               "has parent %lld in line %d, must be -1 or an earlier line, counted from 0",
                               (long long)value, lines->line);
    *parent = (int)value;
    return DN_OK;
}

static void add_node(tree_builder *builder, int node, int parent) {
    dn_tree *tree = &builder->tree;
    builder->parent[node] = parent;
    builder->child[node] = -1;
    if (node == 0 || parent != builder->parent[node - 1]) builder->group_offset[tree->groups++] = node;
    builder->group_size[tree->groups - 1]++;
    if (parent >= 0) builder->child[parent] = tree->groups - 1;
}

static dn_status read_nodes(tree_builder *builder, dn_section *section, const dn_resource *file, dn_error *err) {
    tree_lines lines = open_lines(section, file);
    const char *text = NULL, *end = NULL;
    for (int node = 0; node < builder->tree.nodes && next_line(&lines, &text, &end); node++) {
        int parent = -1;
        DN_TRY(parse_node(&lines, node, text, end, &parent, err));
        add_node(builder, node, parent);
    }
    return DN_OK;
}

static dn_status zone_ints(dn_zone *zone, int **out, int count, dn_error *err) {
    void *memory;
    DN_TRY(dn_zone_alloc(zone, &memory, (size_t)count, sizeof(int), err));
    *out = memory;
    return DN_OK;
}

dn_status dn_tree_parse(dn_section *section, const dn_layer_context *context, const dn_tree **out, dn_error *err) {
    *out = NULL;
    if (!dn_section_has(section, "tree")) return DN_OK;
    const dn_resource *file;
    DN_TRY(dn_parse_resource(section, context, "tree", &file, err));
    tree_builder builder = {.tree.nodes = count_nodes(section, file)};
    if (builder.tree.nodes == 0 || builder.tree.nodes > NODES_MAX)
        return dn_section_fail(section, "tree", err, "1 to 1048576 lines",
                               "has %s lines; it needs \"name parent\" on every line",
                               builder.tree.nodes ? "more than 1048576" : "no");
    DN_TRY(zone_ints(context->zone, &builder.parent, builder.tree.nodes, err));
    DN_TRY(zone_ints(context->zone, &builder.child, builder.tree.nodes, err));
    DN_TRY(zone_ints(context->zone, &builder.group_offset, builder.tree.nodes, err));
    DN_TRY(zone_ints(context->zone, &builder.group_size, builder.tree.nodes, err));
    DN_TRY(read_nodes(&builder, section, file, err));
    void *memory;
    DN_TRY(dn_zone_alloc(context->zone, &memory, 1, sizeof(dn_tree), err));
    dn_tree *tree = memory;
    *tree = (dn_tree){builder.tree.nodes, builder.tree.groups,  builder.parent,
                      builder.child,      builder.group_offset, builder.group_size};
    *out = tree;
    return DN_OK;
}

dn_status dn_tree_facts(dn_layer_plan *plan, const dn_tree *tree, const char *name, dn_error *err) {
    if (!tree) return DN_OK;
    DN_TRY(dn_layer_plan_fact_text(plan, "tree", name, err));
    return dn_layer_plan_fact_ints(plan, "tree_parents", tree->parent, tree->nodes, err);
}

void dn_tree_absolute(const dn_tree *tree, float *values) {
    for (int node = 0; node < tree->nodes; node++) {
        if (tree->parent[node] >= 0) values[node] *= values[tree->parent[node]];
    }
}

float dn_tree_probability(const dn_tree *tree, const float *values, size_t step, int node) {
    float product = 1;
    for (; node >= 0; node = tree->parent[node]) product *= values[(size_t)node * step];
    return product;
}

int dn_tree_group(const dn_tree *tree, int node) {
    int low = 0, high = tree->groups; /* the group is among low … high − 1 */
    while (high - low > 1) {
        const int middle = low + (high - low) / 2;
        if (tree->group_offset[middle] <= node) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static int largest_of(const float *values, int first, int count) {
    int largest = first;
    for (int node = first + 1; node < first + count; node++) {
        if (values[node] > values[largest]) largest = node;
    }
    return largest;
}

int dn_tree_top(const dn_tree *tree, const float *values, float threshold) {
    float product = 1;
    int group = 0;
    for (;;) {
        const int node = largest_of(values, tree->group_offset[group], tree->group_size[group]);
        product *= values[node];
        if (!(product > threshold)) return group == 0 ? node : tree->parent[tree->group_offset[group]];
        if (tree->child[node] < 0) return node;
        group = tree->child[node];
    }
}
