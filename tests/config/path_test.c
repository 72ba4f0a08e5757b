/* path_test.c - the paths that a configuration names are all found: in sections, lists and maps,
 * and only where a section is there. */
#include "config/path.h"

#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Files {
    bool present;
    Str cert, plain;
    TextList list;
} Files;

typedef struct FilesList {
    Files *items;
    size_t count;
} FilesList;

typedef struct Whole {
    Str directory;
    Files always, maybe;
    FilesList several;
    TextMap map;
} Whole;

static const ConfigField files_fields[] = {
    TEXT(Files, cert, "", "A file.", .path = READS_FILE),
    TEXT(Files, plain, "no path", "A text."),
    TEXT_LIST(Files, list, "", "Files.", .path = WRITES_FILE),
    { 0 },
};

static const ConfigField fields[] = {
    TEXT(Whole, directory, "d", "A directory.", .path = WRITES_DIRECTORY),
    SECTION(Whole, always, Files, files_fields, "A section."),
    OPTIONAL_SECTION(Whole, maybe, Files, files_fields, "A section that may be missing."),
    SECTION_LIST(Whole, several, Files, files_fields, "Sections."),
    TEXT_MAP(Whole, map, "Paths by name.", .path = READS_DIRECTORY),
    { 0 },
};

static void note(void *context, ConfigPath use, Str path)
{
    Buf *seen = context;
    buf_addf(seen, "%d%.*s ", (int)use, STR_ARG(path));
}

static void expect(const char *yaml, const char *paths)
{
    Err err = { 0 };
    Problems problems;
    Whole whole;
    Buf seen = BUF(4096);
    Arena *arena = arena_new(1 << 20, &err);
    assert_non_null(arena);
    problems_init(&problems, arena);
    const Node *node = yaml_parse(str_from(yaml), STR("test.yaml"), arena, &problems);
    assert_true(config_load(fields, node, &whole, arena, &problems));
    config_each_path(fields, &whole, note, &seen);
    buf_add_byte(&seen, 0);
    assert_string_equal(seen.ptr, paths);
    buf_free(&seen);
    arena_free(arena);
}

static void every_path_is_visited(void **state)
{
    (void)state;
    expect("{}", "4d ");
    expect("directory: ''", "");
    expect("always: {cert: a, plain: b, list: [c, d]}", "4d 1a 3c 3d ");
    expect("maybe: {cert: a}", "4d 1a ");
    expect("several: [{cert: a}, {list: [b]}]", "4d 1a 3b ");
    expect("map: {x: a, y: b}", "4d 2a 2b ");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_path_is_visited) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
