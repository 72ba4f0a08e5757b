/* promql_suite.c - runs Prometheus' own scripts about PromQL and prints how many evaluations pass.
 *
 *     promql_suite [-v] FILE.test...
 *
 * The scripts belong to others and are not in this tree; support/promql_script.h says what they
 * look like. Exits with 1 when a script cannot be read, never because of what failed in it: the
 * numbers are the result.
 */
#include "support/promql_script.h"

#include <stdio.h>
#include <string.h>

enum { SCRIPT_MAX = 4 << 20 };

typedef struct File {
    Str name;
    bool verbose;
} File;

static void told(void *context, size_t line, Str query, Str why)
{
    const File *file = context;
    if (file->verbose)
        printf("%.*s:%zu: %.*s\n    %.*s\n", STR_ARG(file->name), line, STR_ARG(query),
               STR_ARG(why));
}

static Str base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    Str name = str_from(slash ? slash + 1 : path);
    return str_ends(name, STR(".test")) ? str_first(name, name.len - 5) : name;
}

static bool run(const char *path, bool verbose, PromqlCounts *all)
{
    static char text[SCRIPT_MAX];
    Err err;
    PromqlCounts counts = { 0 };
    File context = { base_name(path), verbose };
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    if (!promql_script_run((Str){ text, len }, told, &context, &counts, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        return false;
    }
    printf("counts: promql %.*s: %u of %u evaluations pass\n", STR_ARG(context.name), counts.passed,
           counts.total);
    all->passed += counts.passed;
    all->total += counts.total;
    return true;
}

int main(int argc, char **argv)
{
    PromqlCounts all = { 0 };
    bool ok = argc > 1, verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            verbose = true;
        else
            ok = run(argv[i], verbose, &all) && ok;
    }
    if (!all.total)
        fprintf(stderr, "usage: promql_suite [-v] FILE.test...\n");
    else
        printf("counts: promql: %u of %u evaluations pass\n", all.passed, all.total);
    return ok ? 0 : 1;
}
