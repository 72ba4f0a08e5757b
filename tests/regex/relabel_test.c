/* relabel_test.c - rules, a set of labels, and what becomes of it. */
#include "regex/relabel.h"

#include "regex/md5.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 4096, SET_MAX = 8, ARENA_MAX = 1 << 20 };

static const RelabelRule preset = { .separator = STR_ROW(";"),
                                    .regex = STR_ROW("(.*)"),
                                    .replacement = STR_ROW("$1") };

typedef struct Written {
    RelabelRule rule;
    Str sources[4];
} Written;

static RelabelAction action_of(Str name)
{
    for (unsigned i = 0; relabel_actions[i]; i++)
        if (str_eq(name, str_from(relabel_actions[i])))
            return (RelabelAction)i;
    fail_msg("no such action");
    return RELABEL_REPLACE;
}

/* "action=replace source=a,b regex=(.+);(.+) target=c": one rule, in one line. */
static void read_rule(Str text, Written *out)
{
    *out = (Written){ .rule = preset };
    for (Str part; str_split(&text, ' ', &part);) {
        Str key = part;
        assert_true(str_split(&part, '=', &key));
        if (str_eq(key, STR("action")))
            out->rule.action = action_of(part);
        else if (str_eq(key, STR("regex")))
            out->rule.regex = part;
        else if (str_eq(key, STR("target")))
            out->rule.target_label = part;
        else if (str_eq(key, STR("to")))
            out->rule.replacement = part;
        else if (str_eq(key, STR("separator")))
            out->rule.separator = part;
        else if (str_eq(key, STR("modulus")))
            assert_true(str_to_u64(part, &out->rule.modulus));
        else
            for (Str name; str_split(&part, ',', &name);)
                out->sources[out->rule.source_count++] = name;
    }
    out->rule.source_labels = out->sources;
}

static Relabel *rules_from(const char *text, Written *written, Err *err)
{
    RelabelRule rules[4];
    size_t count = 0;
    Str rest = str_from(text);
    for (Str line; rest.len && str_split(&rest, '\n', &line); count++) {
        read_rule(line, &written[count]);
        rules[count] = written[count].rule;
    }
    return relabel_new(rules, count, err);
}

/* "a=1 b=2" */
static void read_set(Str text, LabelSet *out)
{
    Err err;
    for (Str part; text.len && str_split(&text, ' ', &part);) {
        Str name;
        assert_true(str_split(&part, '=', &name));
        assert_true(label_set_put(out, (Label){ name, part }, &err));
    }
}

static void write_set(LabelSet *set, Buf *out)
{
    set->count = labels_sort(set->items, set->count);
    for (size_t i = 0; i < set->count; i++)
        buf_addf(out, "%s%.*s=%.*s", i ? " " : "", STR_ARG(set->items[i].name),
                 STR_ARG(set->items[i].value));
}

static RelabelResult run(const char *rules, const char *before, Buf *out, Err *err)
{
    Written written[4];
    Label items[SET_MAX];
    LabelSet set = { .items = items, .cap = SET_MAX };
    RelabelResult result = RELABEL_FAILED;
    Relabel *relabel = rules_from(rules, written, err);
    set.arena = relabel ? arena_new(ARENA_MAX, err) : NULL;
    if (set.arena) {
        read_set(str_from(before), &set);
        result = relabel_apply(relabel, &set, err);
        write_set(&set, out);
    }
    label_set_done(&set);
    arena_free(set.arena);
    relabel_free(relabel);
    return result;
}

typedef struct Case {
    const char *rules, *before, *after; /* NULL: dropped */
} Case;

static const Case cases[] = {
    { "", "a=1", "a=1" },
    { "source=a regex=f(.*) target=d to=ch${1}-ch${1}", "a=foo b=bar", "a=foo b=bar d=choo-choo" },
    { "source=a,b regex=f(.*);(.*)r target=a to=b${1}${2}m\n"
      "source=c,a regex=(b).*b(.*)ba(.*) target=d to=$1$2$2$3",
      "a=foo b=bar c=baz", "a=boobam b=bar c=baz d=boooom" },
    { "source=a target=copy", "a=foo", "a=foo copy=foo" },
    { "source=none target=a", "a=foo", "" },
    { "source=a regex=no(.*) target=d", "a=foo", "a=foo" },
    { "source=a regex=fo target=d to=x", "a=foo", "a=foo" }, /* the whole text */
    { "source=a regex=(f)oo target=d to=$1x", "a=foo", "a=foo" },
    { "source=a regex=(f)oo target=d to=$$1-${1}-$-${", "a=foo", "a=foo d=$1-f-$-${" },
    { "source=a regex=(?P<first>f)oo target=d to=$first${9}", "a=foo", "a=foo d=f" },
    { "source=a regex=some-([^-]+)-([^,]+) target=${1} to=${2}", "a=some-name-value",
      "a=some-name-value name=value" },
    { "source=a regex=some-([^-]+)-([^,]+) target=${3} to=${2}", "a=some-name-value",
      "a=some-name-value" },
    { "source=a regex=some-([^-]+)-([^,]+) target=name${1} to=${2}", "a=some-7.x-value",
      "a=some-7.x-value" },
    { "source=a,b separator=- target=c", "a=1 b=2", "a=1 b=2 c=1-2" },
    { "source=a regex=.*o.* action=drop", "a=foo", NULL },
    { "source=a regex=.*x.* action=drop", "a=foo", "a=foo" },
    { "source=a regex=f|foo action=keep", "a=foo", "a=foo" },
    { "source=a regex=f action=keep", "a=foo", NULL },
    { "source=a action=keepequal target=b", "a=1 b=1", "a=1 b=1" },
    { "source=a action=keepequal target=b", "a=1 b=2", NULL },
    { "source=a action=dropequal target=b", "a=1 b=1", NULL },
    { "source=a action=dropequal target=b", "a=1 b=2", "a=1 b=2" },
    { "source=c action=hashmod target=d modulus=1000", "a=foo b=bar c=baz",
      "a=foo b=bar c=baz d=976" },
    { "source=none action=labelmap regex=__meta_(.*)", "__meta_a=1 b=2", "__meta_a=1 a=1 b=2" },
    { "action=labelmap regex=(b.*) to=bar_${1}", "a=foo b1=bar b2=baz",
      "a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz" },
    { "action=labelmap regex=(a) to=${1}a", "a=1 aa=2", "a=1 aa=1" },
    { "action=labeldrop regex=(b.*)", "a=foo b1=bar b2=baz", "a=foo" },
    { "action=labelkeep regex=(b.*)", "a=foo b1=bar b2=baz", "b1=bar b2=baz" },
    { "source=a action=lowercase target=b", "a=FoO/9", "a=FoO/9 b=foo/9" },
    { "source=a action=uppercase target=a", "a=FoO_z", "a=FOO_Z" },
    { "source=a regex=foo action=drop\nsource=b target=c", "a=foo b=1", NULL },
};

static void test_actions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *row = &cases[i];
        Err err = { 0 };
        Buf after = BUF(TEXT_MAX);
        RelabelResult result = run(row->rules, row->before, &after, &err);
        if (result == RELABEL_FAILED)
            fail_msg("%s: %s", row->rules, err.text);
        if ((result == RELABEL_DROPPED) != !row->after ||
            (row->after && !str_eq(buf_str(&after), str_from(row->after))))
            fail_msg("%s of %s: %s", row->rules, row->before, buf_text(&after));
        buf_free(&after);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *says;
    } rows[] = {
        { "source=a", "rule 1: action replace needs target_label" },
        { "source=a target=b\nsource=a target=b.c", "rule 2: target_label: \"b.c\"" },
        { "source=a target=${1}.c", "\"${1}.c\" is not a label name" },
        { "source=a.b target=c", "source_labels: \"a.b\" is not a label name" },
        { "source=a target=c regex=(", "rule 1" },
        { "source=a target=c action=hashmod", "modulus" },
        { "source=a action=hashmod modulus=3", "needs target_label" },
        { "source=a target=${1} action=hashmod modulus=3", "is not a label name" },
        { "source=a target=c action=lowercase to=x", "takes no replacement" },
        { "source=a target=c action=keepequal regex=x", "source_labels and target_label alone" },
        { "action=dropequal source=a", "needs target_label" },
        { "action=labelmap to=a-b", "\"a-b\" is not a label name" },
        { "action=labeldrop source=a regex=b", "takes a regex alone" },
        { "action=labelkeep target=a regex=b", "takes a regex alone" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Err err = { 0 };
        Buf after = BUF(TEXT_MAX);
        assert_int_equal(run(rows[i].rules, "", &after, &err), RELABEL_FAILED);
        assert_int_equal(err.kind, ERR_INPUT);
        if (!str_contains(str_from(err.text), str_from(rows[i].says)))
            fail_msg("%s: %s", rows[i].rules, err.text);
        buf_free(&after);
    }
}

static void test_limits(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf after = BUF(TEXT_MAX);
    assert_int_equal(run("action=labelmap regex=(.*) to=x_$1", "a=1 b=1 c=1 d=1 e=1", &after, &err),
                     RELABEL_FAILED);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.text, "more than 8 labels");
    buf_free(&after);
}

static void test_md5(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hash;
    } rows[] = {
        { "", "d41d8cd98f00b204e9800998ecf8427e" },
        { "abc", "900150983cd24fb0d6963f7d28e17f72" },
        { "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
        { "1234567890123456789012345678901234567890123456789012345678901234567890123456789"
          "0",
          "57edf4a22be3c955ac49da2e2107b67a" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t hash[MD5_SIZE];
        char text[2 * MD5_SIZE + 1] = { 0 };
        md5_of(str_from(rows[i].text), hash);
        hex_write(text, hash, MD5_SIZE);
        assert_string_equal(text, rows[i].hash);
    }
}

static void run_starved(void)
{
    Err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buf after = BUF(TEXT_MAX);
        (void)run(cases[i].rules, cases[i].before, &after, &err);
        buf_free(&after);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_md5),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
