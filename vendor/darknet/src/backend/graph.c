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
