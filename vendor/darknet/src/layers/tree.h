/* tree.h — a hierarchy of classes (WordTree, arXiv:1612.08242), used by softmax and region.
 *
 * The file has one line a node, "name parent"; parent is the number of an earlier line counted from 0, or -1. Nodes
 * in a row with the same parent form a group: a softmax runs over each group, so a node's value is its probability
 * given the parent. */
#ifndef DN_LAYERS_TREE_H
#define DN_LAYERS_TREE_H

#include "layers/layer.h"

typedef struct dn_tree {
    int nodes, groups;
    const int *parent;       /* (nodes,) smaller than the node's own number; -1: a root */
    const int *child;        /* (nodes,) the group of its children, later than its own; -1: a leaf */
    const int *group_offset; /* (groups,) first node */
    const int *group_size;   /* (groups,) */
} dn_tree;

/* The tree that tree= names, in the plan's zone; *out NULL where the section has none. */
dn_status dn_tree_parse(dn_section *section, const dn_layer_context *context, const dn_tree **out, dn_error *err);

/* Facts "tree", its name, and "tree_parents", the parent of every node; none without a tree. */
dn_status dn_tree_facts(dn_layer_plan *plan, const dn_tree *tree, const char *name, dn_error *err);

/* values[j] *= values[parent of j], from the roots down: conditional to absolute probabilities. */
void dn_tree_absolute(const dn_tree *tree, float *values);
/* The product of the node's value and those of its ancestors; values[step · node]. */
float dn_tree_probability(const dn_tree *tree, const float *values, size_t step, int node);
/* The group that a node is in. */
int dn_tree_group(const dn_tree *tree, int node);
/* Walks down from the first group along the largest values while their product stays above the threshold; the node
 * where it ends. */
int dn_tree_top(const dn_tree *tree, const float *values, float threshold);

#endif
