/* effective_test.c - what a configuration came to: origins, and secrets that never show. */
#include "config/effective.h"

#include "config/expand.h"
#include "config/yaml.h"

#include "config/every_row.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 1 << 20 };

static bool find(void *context, Str name, Str *value)
{
    (void)context;
    bool map = str_eq(name, STR("MAP"));
    *value = map ? STR("{ a: { b: hunter2 } }") : STR("hunter2");
    return map || str_eq(name, STR("PASSWORD"));
}

static const char *const yaml = "needed: x\n"
                                "title: ${env:GONE:-a title}\n"
                                "deadline: 90s\n"
                                "token: ${env:PASSWORD}\n"
                                "headers: { authorization: hunter2, empty: '' }\n"
                                "protocols: { grpc: { endpoint: 'a:1' } }\n"
                                "rules: [{ name: hunter, after: -1h }]\n"
                                "rooms: { hall: { seats: 2 } }\n"
                                "extra: { password: hunter2 }\n"
                                "names: ${env:TOO:-hunter3}\n";

typedef struct Ground {
    Arena *arena;
    Problems problems;
    Node *root;
    EveryRow settings;
} Ground;

static void load(Ground *ground)
{
    Err err;
    *ground = (Ground){ .arena = arena_new(OUT_MAX, &err) };
    assert_non_null(ground->arena);
    problems_init(&ground->problems, ground->arena);
    ground->root = yaml_parse(str_from(yaml), STR("t"), ground->arena, &ground->problems);
    assert_non_null(ground->root);
    assert_true(config_expand(ground->root, &(Environment){ .find = find }, ground->arena,
                              &ground->problems));
    assert_true(config_load(every_row_fields, ground->root, &ground->settings, ground->arena,
                            &ground->problems));
    assert_true(str_eq(secret_reveal(ground->settings.token), STR("hunter2")));
}

static void has_line(Str page, const char *line)
{
    for (Str rest = page, part; str_split(&rest, '\n', &part);)
        if (str_eq(part, str_from(line)))
            return;
    fail_msg("no line: %s\n%.*s", line, STR_ARG(page));
}

static void test_origins(void **state)
{
    (void)state;
    Ground ground;
    load(&ground);
    Buf out = BUF(OUT_MAX);
    config_print(every_row_fields, &ground.settings, ground.root, 2, &out);
    assert_false(out.failed);
    Str text = buf_str(&out);
    has_line(text, "  needed: \"x\"  # t:1:9");
    has_line(text, "  title: \"a title\"  # ${env:GONE:-a title}");
    has_line(text, "  timeout: 1m30s  # t:3:11");
    has_line(text, "  enabled: true  # preset");
    has_line(text, "    grpc:");
    has_line(text, "      endpoint: \"a:1\"  # t:6:32");
    has_line(text, "      streams: 100  # preset");
    has_line(text, "      name: \"hunter\"  # t:7:17");
    has_line(text, "      after: -1h  # t:7:32");
    has_line(text, "      seats: 2  # t:8:25");
    has_line(text, "  names: [\"hunter3\"]  # ${env:TOO:-hunter3}");
    buf_free(&out);
    arena_free(ground.arena);
}

static void test_secrets_do_not_show(void **state)
{
    (void)state;
    Ground ground;
    load(&ground);
    Buf out = BUF(OUT_MAX);
    config_print(every_row_fields, &ground.settings, ground.root, 0, &out);
    Str text = buf_str(&out);
    assert_false(str_contains(text, STR("hunter2")));
    has_line(text, "token: \"[redacted]\"  # t:4:8");
    has_line(text, "  \"authorization\": \"[redacted]\"  # t:5:27");
    has_line(text, "  \"empty\": \"\"  # t:5:43");
    has_line(text, "extra: \"[as written]\"  # t:9:8");
    buf_free(&out);
    arena_free(ground.arena);
}

/* A message names what it was given, unless that is a secret. */
static void test_messages_hide_secrets(void **state)
{
    (void)state;
    Err err;
    Problems problems;
    EveryRow settings;
    Arena *arena = arena_new(OUT_MAX, &err);
    assert_non_null(arena);
    problems_init(&problems, arena);
    Str bad = STR("needed: x\ntoken: [hunter2]\nheaders: '${MAP:-hunter2}'\n"
                  "tokne: hunter2\nheaders2: { a: hunter2 }\n");
    Node *root = yaml_parse(bad, STR("t"), arena, &problems);
    assert_non_null(root);
    assert_true(config_expand(root, &(Environment){ .find = find }, arena, &problems));
    assert_false(config_load(every_row_fields, root, &settings, arena, &problems));
    assert_int_equal(problems.errors, 4);
    Buf said = BUF(OUT_MAX);
    problems_write(&problems, &said);
    assert_false(str_contains(buf_str(&said), STR("hunter2")));
    buf_free(&said);
    problems_init(&problems, arena);
    root = yaml_parse(STR("needed: x\nheaders: hunter2\n"), STR("t"), arena, &problems);
    assert_non_null(root);
    assert_false(config_load(every_row_fields, root, &settings, arena, &problems));
    assert_true(str_eq(problems.rows[0]->text, STR("must be a map, not '[redacted]'")));
    arena_free(arena);
}

static void test_starving(void **state)
{
    (void)state;
    Ground ground;
    load(&ground);
    bool happened = true;
    for (long n = 0; happened; n++) {
        Buf out = BUF(OUT_MAX);
        starve_after(n);
        config_print(every_row_fields, &ground.settings, ground.root, 0, &out);
        happened = starve_happened();
        starve_end();
        assert_int_equal(out.failed, happened);
        buf_free(&out);
    }
    arena_free(ground.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_secrets_do_not_show),
        cmocka_unit_test(test_messages_hide_secrets),
        cmocka_unit_test(test_starving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
