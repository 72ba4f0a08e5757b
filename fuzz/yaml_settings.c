/* yaml_settings.c - any bytes as a configuration: parsed, expanded, loaded into the table of
 * tests/config/every_row.h. What loads is printed, and the print must load to the same print. */
#include "config/effective.h"
#include "config/expand.h"
#include "config/yaml.h"

#include "config/every_row.h"

#include <cryostorm/attributes.h>

#include <stdlib.h>

enum { ARENA_MAX = 16 << 20, OUT_MAX = 16 << 20 };

typedef struct Reading {
    Arena *arena;
    Problems problems;
    EveryRow settings;
    bool loaded;
} Reading;

/* Variables that exist: a text, a number, YAML, one that names others, a circle. */
static bool find(void *context, Str name, Str *value)
{
    static const struct {
        Str name, value;
    } variables[] = {
        { STR_ROW("A"), STR_ROW("text") },
        { STR_ROW("N"), STR_ROW("42") },
        { STR_ROW("Y"), STR_ROW("{a: [1, x]}") },
        { STR_ROW("B"), STR_ROW("${A}$$${N}${B:-x}") },
        { STR_ROW("E"), STR_ROW("") },
    };
    (void)context;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        *value = variables[i].value;
        if (str_eq(name, variables[i].name))
            return true;
    }
    return false;
}

static void read_settings(Reading *reading, Str text)
{
    Err err;
    const Environment environment = { .find = find };
    *reading = (Reading){ .arena = arena_new(ARENA_MAX, &err) };
    if (!reading->arena)
        abort();
    problems_init(&reading->problems, reading->arena);
    Node *root = yaml_parse(text, STR("fuzz"), reading->arena, &reading->problems);
    if (!root && problems_none(&reading->problems))
        abort();
    if (root && config_expand(root, &environment, reading->arena, &reading->problems))
        reading->loaded = config_load(every_row_fields, root, &reading->settings, reading->arena,
                                      &reading->problems);
}

static void print_again(const Buf *printed)
{
    Reading again;
    Buf twice = BUF(OUT_MAX);
    read_settings(&again, buf_str(printed));
    if (!again.loaded)
        abort();
    config_print(every_row_fields, &again.settings, NULL, 0, &twice);
    if (!str_eq(buf_str(printed), buf_str(&twice)))
        abort();
    buf_free(&twice);
    arena_free(again.arena);
}

/* libfyaml 0.7.12 forgets 2 KiB of its own for a text of many quotes in a row ('' some 20 times);
 * what this program allocates is still watched. The leak sanitizer asks for this by its name. */
CRYO_API const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Reading reading;
    Buf out = BUF(OUT_MAX);
    read_settings(&reading, (Str){ (const char *)data, size });
    problems_write(&reading.problems, &out);
    if (!utf8_valid(buf_str(&out)) || out.failed)
        abort();
    buf_clear(&out);
    bool small = size < 100000; /* a print is larger than what it came from, and limits apply */
    if (reading.loaded && small) {
        config_print(every_row_fields, &reading.settings, NULL, 0, &out);
        print_again(&out);
    }
    buf_free(&out);
    arena_free(reading.arena);
    return 0;
}
