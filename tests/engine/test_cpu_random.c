/* test_cpu_random.c — the cpu backend against the ref backend on graphs by chance. Arguments: first seed, end. */
#include "cpu_random.h"

static void test_random_graphs(uint64_t first, uint64_t last) {
    for (uint64_t seed = first; seed < last; seed++) {
        graph_fixture g;
        random_graph(&g, seed);
        if (!agrees_everywhere(&g)) fprintf(stderr, "seed %d\n", (int)seed);
        check_placements(&g, DN_PREPARE_FUSE);
        graph_close(&g);
    }
}

int main(int argc, char **argv) {
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    test_random_graphs(first, argc > 2 ? strtoull(argv[2], NULL, 10) : 200);
    return harness_result();
}
