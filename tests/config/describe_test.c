/* describe_test.c - the reference page and the schema of a table. */
#include "config/describe.h"

#include "config/yaml.h"

#include "config/every_row.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 1 << 20 };

static void has_line(Str page, const char *line)
{
    for (Str rest = page, part; str_split(&rest, '\n', &part);)
        if (str_eq(part, str_from(line)))
            return;
    fail_msg("no line: %s\n%.*s", line, STR_ARG(page));
}

static void test_page(void **state)
{
    (void)state;
    Buf page = BUF(OUT_MAX);
    config_docs(every_row_fields, &page);
    assert_false(page.failed);
    Str text = buf_str(&page);
    has_line(text, "| key | type | default | range | meaning |");
    has_line(text, "| `enabled` | switch | `true` |  | Whether it runs. |");
    has_line(text, "| `items` | count | `8192` | between 1 and 1000000 | How many at a time. |");
    has_line(text, "| `timeout` | duration | `5s` | between 1ms and 1h | Give up after this. "
                   "Older name: deadline. |");
    has_line(text, "| `limit` | size | `4MiB` | at least 1KiB | How much to hold. |");
    has_line(text, "| `needed` | text | required |  | Must be given. |");
    has_line(text, "| `verbosity` | choice | `normal` | `basic`, `normal`, `detailed` | How "
                   "much to say. |");
    has_line(text, "| `protocols.grpc` | optional section |  |  | Over gRPC. |");
    has_line(text, "| `protocols.grpc.endpoint` | text | `localhost:4317` |  | Where to listen. |");
    has_line(text, "| `names` | list of texts | `a, b` |  | Names. |");
    has_line(text, "| `rules[].name` | text | required |  | What it is called. |");
    has_line(text, "| `rooms.<key>.seats` | count | `4` |  | How many may sit. |");
    has_line(text, "| `2xx` | text |  |  | A key that is no C name. |");
    has_line(text, "| `tls` | not yet |  |  | TLS |");
    buf_free(&page);
}

static void test_bars_do_not_end_a_cell(void **state)
{
    (void)state;
    static const ConfigField fields[] = {
        TEXT(TextPair, value, "a|b", "One | two\nthree."),
        { 0 },
    };
    Buf page = BUF(OUT_MAX);
    config_docs(fields, &page);
    has_line(buf_str(&page), "| `value` | text | `a\\|b` |  | One \\| two three. |");
    buf_free(&page);
}

/* A table that contains itself ends somewhere. */
typedef struct Branch Branch;
typedef struct BranchList {
    Branch *items;
    size_t count;
} BranchList;
struct Branch {
    BranchList branches;
};
static const ConfigField branch_fields[] = {
    SECTION_LIST(Branch, branches, Branch, branch_fields, "Further ones."),
    { 0 },
};

static void test_a_table_in_itself(void **state)
{
    (void)state;
    Err err;
    Buf page = BUF(OUT_MAX), schema = BUF(OUT_MAX);
    config_docs(branch_fields, &page);
    assert_true(page.len > 0 && !page.failed);
    JsonWriter json = json_writer(&schema);
    config_schema(branch_fields, &json);
    assert_true(json_done(&json, &err));
    buf_free(&page);
    buf_free(&schema);
}

/* Our own YAML reader as the judge: JSON is YAML. */
static Node *read_schema(Arena *arena)
{
    Err err;
    Problems problems;
    Buf schema = BUF(OUT_MAX);
    JsonWriter json = json_writer(&schema);
    problems_init(&problems, arena);
    config_schema(every_row_fields, &json);
    assert_true(json_done(&json, &err));
    Node *root = yaml_parse(buf_str(&schema), STR("schema"), arena, &problems);
    assert_non_null(root);
    buf_free(&schema);
    return root;
}

static void is(const Node *root, const char *path, const char *text)
{
    const Node *node = node_at(root, str_from(path), '/');
    assert_non_null(node);
    assert_int_equal(node->kind, NODE_SCALAR);
    if (!str_eq(node->text, str_from(text)))
        fail_msg("%s is %.*s, not %s", path, STR_ARG(node->text), text);
}

static void test_schema(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(OUT_MAX, &err);
    assert_non_null(arena);
    const Node *root = read_schema(arena);
    is(root, "additionalProperties", "false");
    is(root, "properties/enabled/default", "true");
    is(root, "properties/items/default", "8192");
    is(root, "properties/items/minimum", "1");
    is(root, "properties/items/maximum", "1000000");
    is(root, "properties/offset/minimum", "-100");
    is(root, "properties/limit/minimum", "1024");
    is(root, "properties/timeout/default", "5s");
    is(root, "properties/timeout/description", "Give up after this.");
    is(root, "properties/deadline/deprecated", "true");
    is(root, "properties/ballast/deprecated", "true");
    is(root, "properties/protocols/properties/grpc/properties/endpoint/default", "localhost:4317");
    is(root, "properties/rules/items/additionalProperties", "false");
    is(root, "properties/rooms/additionalProperties/properties/seats/default", "4");
    is(root, "properties/2xx/description", "A key that is no C name.");
    assert_null(node_at(root, STR("properties/tls"), '/'));
    assert_null(node_at(root, STR("properties/extra/type"), '/'));
    const Node *required = node_get(root, STR("required"));
    assert_int_equal(required->count, 1);
    assert_true(str_eq(required->items[0]->text, STR("needed")));
    arena_free(arena);
}

static void test_starving(void **state)
{
    (void)state;
    Err err;
    long before = starve_live();
    bool happened = true;
    for (long n = 0; happened; n++) {
        Buf page = BUF(OUT_MAX), schema = BUF(OUT_MAX);
        starve_after(n);
        JsonWriter json = json_writer(&schema);
        config_docs(every_row_fields, &page);
        config_schema(every_row_fields, &json);
        happened = starve_happened();
        starve_end();
        bool good = buf_ok(&page, &err) && json_done(&json, &err);
        assert_int_equal(good, !happened);
        buf_free(&page);
        buf_free(&schema);
        assert_int_equal(starve_live(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_bars_do_not_end_a_cell),
        cmocka_unit_test(test_a_table_in_itself),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_starving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
