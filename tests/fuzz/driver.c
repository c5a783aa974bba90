/* driver.c — runs a fuzz target where there is no libFuzzer: replays a corpus, then mutations of it.
 *
 *   fuzz_cfg [-runs=N] [-seed=N] [-dict=FILE] [-seconds=N] FILE|FOLDER…
 *
 * Every run is a function of the seed and its number. The runs are made by a child; when it dies, or one run takes more
 * than 20 seconds, the input of that run is written to finding-<number> and the exit status is 1. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MOST = 1 << 16, FILES_MOST = 2000, RUN_SECONDS = 20 };

typedef struct piece {
    uint8_t *bytes;
    size_t size;
} piece;

typedef struct pieces {
    piece list[FILES_MOST];
    size_t count;
} pieces;

static pieces corpus, words;
static uint64_t state;

static uint64_t random_below(uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state * 2685821657736338717U >> 16) % limit;
}

/* ---- files ---- */

static void keep(pieces *into, const void *bytes, size_t size) {
    if (into->count == FILES_MOST) return;
    uint8_t *copy = malloc(size + 1);
    if (!copy) exit(2);
    memcpy(copy, bytes, size);
    into->list[into->count++] = (piece){copy, size};
}

static size_t read_whole(const char *path, uint8_t *into) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    const size_t size = fread(into, 1, SIZE_MOST, file);
    fclose(file);
    return size;
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_corpus(const char *path) {
    static uint8_t bytes[SIZE_MOST];
    struct stat facts;
    struct dirent **entries;
    if (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        const int count = scandir(path, &entries, NULL, compare_names);
        for (int i = 0; i < count; i++) {
            char inside[4096];
            snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
            if (entries[i]->d_name[0] != '.') read_corpus(inside);
            free(entries[i]);
        }
        if (count >= 0) free((void *)entries);
        return;
    }
    keep(&corpus, bytes, read_whole(path, bytes));
}

/* One "word" a line, as libFuzzer wants it; words here hold neither quotes nor backslashes. */
static void read_words(const char *path) {
    static uint8_t text[SIZE_MOST + 1];
    text[read_whole(path, text)] = '\0';
    for (char *line = strtok((char *)text, "\n"); line; line = strtok(NULL, "\n")) {
        char *open = strchr(line, '"'), *close = strrchr(line, '"');
        if (line[0] != '#' && open && close > open) keep(&words, open + 1, (size_t)(close - open - 1));
    }
}

/* ---- mutation ---- */

static const char *const NUMBERS[] = {"0",
                                      "-1",
                                      "1",
                                      "2",
                                      "3",
                                      "7",
                                      "64",
                                      "1000",
                                      "65537",
                                      "2147483647",
                                      "-2147483648",
                                      "4294967296",
                                      "99999999999999999999",
                                      "0.5",
                                      "1e30",
                                      "-1e-30",
                                      "nan",
                                      "inf",
                                      "0,0",
                                      "1,2,3,4,5,6",
                                      ""};

static void replace(piece *p, size_t at, size_t gone, const void *bytes, size_t size) {
    if (at > p->size) return;
    if (gone > p->size - at) gone = p->size - at;
    if (p->size - gone + size > SIZE_MOST) return;
    memmove(p->bytes + at + size, p->bytes + at + gone, p->size - at - gone);
    memcpy(p->bytes + at, bytes, size);
    p->size += size - gone;
}

static void replace_number(piece *p) {
    size_t at = p->size ? random_below(p->size) : 0, end;
    while (at < p->size && p->bytes[at] != '=') at++;
    if (at++ >= p->size) return;
    for (end = at; end < p->size && p->bytes[end] != '\n';) end++;
    const char *number = NUMBERS[random_below(sizeof NUMBERS / sizeof *NUMBERS)];
    replace(p, at, end - at, number, strlen(number));
}

static void copy_part(piece *p, const piece *from) {
    static uint8_t part[256];
    if (from->size == 0) return;
    const size_t start = random_below(from->size), rest = from->size - start;
    const size_t size = 1 + random_below(rest < sizeof part ? rest : sizeof part);
    memcpy(part, from->bytes + start, size);
    replace(p, random_below(p->size + 1), random_below(3) ? 0 : size, part, size);
}

static void mutate(piece *p) {
    const size_t at = p->size ? random_below(p->size) : 0;
    const uint8_t byte = (uint8_t)random_below(256);
    switch (random_below(8)) {
    case 0:
        if (p->size) p->bytes[at] ^= (uint8_t)(1U << (byte % 8));
        break;
    case 1:
        replace(p, at, random_below(2), &byte, 1);
        break;
    case 2:
        replace(p, at, 1 + random_below(32), "", 0);
        break;
    case 3:
        copy_part(p, p);
        break;
    case 4:
        copy_part(p, &corpus.list[random_below(corpus.count)]);
        break;
    case 5:
        if (words.count) {
            const piece *word = &words.list[random_below(words.count)];
            replace(p, at, random_below(2) ? word->size : 0, word->bytes, word->size);
        }
        break;
    default:
        replace_number(p);
        break;
    }
}

/* The first runs are the corpus itself. */
static piece input_of(uint64_t seed, uint64_t run) {
    static uint8_t bytes[SIZE_MOST + 256];
    piece p = {bytes, 0};
    state = (seed * 0x9E3779B97F4A7C15U) ^ ((run + 1) * 0xBF58476D1CE4E5B9U);
    for (int i = 0; i < 4; i++) random_below(2);
    const piece *from = &corpus.list[run < corpus.count ? run : random_below(corpus.count)];
    memcpy(bytes, from->bytes, p.size = from->size);
    if (run >= corpus.count) {
        for (uint64_t i = 1 + random_below(5); i > 0; i--) mutate(&p);
    }
    return p;
}

/* ---- runs ---- */

static void make_runs(uint64_t seed, uint64_t first, uint64_t last, double seconds, volatile uint64_t *number) {
    const clock_t start = clock();
    for (*number = first; *number < last; ++*number) {
        if (seconds > 0 && (double)(clock() - start) > seconds * CLOCKS_PER_SEC) return;
        const piece p = input_of(seed, *number);
        uint8_t *exact = malloc(p.size ? p.size : 1); /* of its size, so that a sanitizer sees reads behind it */
        if (!exact) exit(2);
        memcpy(exact, p.bytes, p.size);
        alarm(RUN_SECONDS);
        LLVMFuzzerTestOneInput(exact, p.size);
        free(exact);
    }
    alarm(0);
}

static int report(uint64_t seed, uint64_t number) {
    char path[64];
    const piece p = input_of(seed, number);
    snprintf(path, sizeof path, "finding-%llu", (unsigned long long)number);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(p.bytes, 1, p.size, file);
        fclose(file);
    }
    fprintf(stderr, "run %llu of seed %llu failed; its input is in %s\n", (unsigned long long)number,
            (unsigned long long)seed, path);
    return 1;
}

int main(int argc, char **argv) {
    uint64_t runs = 0, seed = 1;
    double seconds = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-runs=", 6) == 0)
            runs = strtoull(argv[i] + 6, NULL, 10);
        else if (strncmp(argv[i], "-seed=", 6) == 0)
            seed = strtoull(argv[i] + 6, NULL, 10);
        else if (strncmp(argv[i], "-seconds=", 9) == 0)
            seconds = strtod(argv[i] + 9, NULL);
        else if (strncmp(argv[i], "-dict=", 6) == 0)
            read_words(argv[i] + 6);
        else
            read_corpus(argv[i]);
    }
    uint64_t *number = mmap(NULL, sizeof *number, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (corpus.count == 0 || number == MAP_FAILED) return 2;
    const pid_t child = fork();
    if (child == 0) {
        make_runs(seed, 0, corpus.count + runs, seconds, number);
        exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return 2;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return report(seed, *number);
    printf("%llu inputs, %zu of them the corpus: no finding\n", (unsigned long long)*number, corpus.count);
    return 0;
}
