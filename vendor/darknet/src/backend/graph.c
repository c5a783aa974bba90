/* graph.c — what a backend asks about a graph as a whole. */
#include "backend/backend.h"

void dn_graph_uses(const dn_graph *graph, int *first, int *last) {
    for (int t = 0; t < graph->tensor_count; t++) first[t] = last[t] = -1;
    for (int i = 0; i < graph->op_count; i++) {
        const dn_op *op = &graph->ops[i];
        for (int k = 0; k < op->input_count; k++) {
            if (op->inputs[k] >= 0) last[op->inputs[k]] = i;
        }
        for (int k = 0; k < op->output_count; k++) {
            const int t = op->outputs[k];
            if (t >= 0 && first[t] < 0) first[t] = i;
        }
    }
}

int dn_graph_slots(const dn_graph *graph) {
    int count = 0;
    for (int t = 0; t < graph->tensor_count; t++) {
        if (graph->tensors[t].slot >= count) count = graph->tensors[t].slot + 1;
    }
    return count;
}

size_t dn_graph_widest(const dn_graph *graph) {
    int widest = 1;
    for (int i = 0; i < graph->op_count; i++) {
        const int count = graph->ops[i].input_count + graph->ops[i].output_count;
        widest = count > widest ? count : widest;
    }
    return (size_t)widest;
}
