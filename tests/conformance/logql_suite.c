/* logql_suite.c - runs the field's scripts about LogQL and prints how many evaluations pass.
 *
 *     logql_suite FOLDER [-v] [CATEGORY...]     FOLDER/CATEGORY.logqltest
 *
 * The scripts belong to others and are not in this tree; support/logql_script.h says what they look
 * like. Exits with 1 when a script cannot be read, never because of what failed in it: the numbers
 * are the result.
 */
#include "support/logql_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRIPT_MAX = 4 << 20, PATH_MAX_BYTES = 4096 };

typedef struct Category {
    const char *name;
    bool verbose;
} Category;

static void told(void *context, unsigned line, Str query, Str why)
{
    const Category *category = context;
    if (category->verbose)
        printf("%s:%u: %.*s%.*s\n", category->name, line, STR_ARG(query), STR_ARG(why));
}

static bool run(const char *folder, Category *category, ScriptCounts *all)
{
    static char text[SCRIPT_MAX], path[PATH_MAX_BYTES];
    Err err;
    ScriptCounts counts = { 0 };
    snprintf(path, sizeof path, "%s/%s.logqltest", folder, category->name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    if (!logql_script_run((Str){ text, len }, told, category, &counts, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        return false;
    }
    printf("counts: logql %s: %u of %u evaluations pass\n", category->name, counts.passed,
           counts.total);
    all->passed += counts.passed;
    all->total += counts.total;
    return true;
}

int main(int argc, char **argv)
{
    static const char *const categories[] = { "line_filters", "range_aggregations", "label_filters",
                                              "formatters",   "binary_operations",  "functions" };
    ScriptCounts all = { 0 };
    Category category = { 0 };
    bool ok = argc > 1, named = false;
    for (int i = 2; ok && i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            category.verbose = true;
            continue;
        }
        named = true;
        category.name = argv[i];
        ok = run(argv[1], &category, &all);
    }
    for (size_t i = 0; ok && !named && i < sizeof categories / sizeof *categories; i++) {
        category.name = categories[i];
        ok = run(argv[1], &category, &all);
    }
    if (argc < 2)
        fprintf(stderr, "usage: logql_suite FOLDER [-v] [CATEGORY...]\n");
    else if (ok)
        printf("counts: logql: %u of %u evaluations pass\n", all.passed, all.total);
    return ok ? 0 : 1;
}
