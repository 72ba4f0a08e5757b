/* exposition_reader_test.c - good and bad pages, each fed whole, byte by byte and at every split
 * point: always the same events, as text. */
#include "prom/exposition_reader.h"

#include "codec/float_text.h"
#include "support/starve.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_event(const ExpositionEvent *event, Buf *out)
{
    static const char *const kinds[] = { "type", "help", "unit", "sample" };
    buf_addf(out, "%s %.*s", kinds[event->kind], STR_ARG(event->name));
    if (event->kind == EXPOSITION_TYPE)
        buf_addf(out, " %d", event->type);
    else if (event->kind != EXPOSITION_SAMPLE)
        buf_addf(out, " [%.*s]", STR_ARG(event->text));
    for (size_t i = 0; i < event->labels.count; i++)
        buf_addf(out, " %.*s=[%.*s]", STR_ARG(event->labels.ptr[i].name),
                 STR_ARG(event->labels.ptr[i].value));
    if (event->kind == EXPOSITION_SAMPLE) {
        buf_add_byte(out, ' ');
        buf_add_float(out, event->value, FLOAT_ANSWER);
    }
    if (event->has_time)
        buf_addf(out, " @%" PRId64, event->time_ms);
    buf_add_byte(out, '\n');
}

static ExpositionResult drain(ExpositionReader *reader, Buf *out)
{
    Err err;
    ExpositionEvent event;
    ExpositionResult result;
    while ((result = exposition_next(reader, &event, &err)) == EXPOSITION_EVENT)
        write_event(&event, out);
    if (result == EXPOSITION_FAILED)
        buf_addf(out, "! %s\n", err.text);
    return result;
}

/* In pieces that end at `first`, and then every `step` bytes. */
static void read_page(ExpositionFormat format, Str page, size_t first, size_t step, Buf *out)
{
    Err err;
    ExpositionReader *reader = exposition_reader_new(format, &err);
    assert_non_null(reader);
    buf_clear(out);
    ExpositionResult result = EXPOSITION_MORE;
    for (size_t piece = first; page.len && result == EXPOSITION_MORE; piece = step) {
        assert_true(exposition_feed(reader, str_first(page, piece), &err));
        page = str_skip(page, piece);
        result = drain(reader, out);
    }
    exposition_finish(reader);
    if (result == EXPOSITION_MORE)
        result = drain(reader, out);
    assert_true(result == EXPOSITION_END || result == EXPOSITION_FAILED);
    exposition_reader_free(reader);
}

static void check(ExpositionFormat format, const char *text, const char *expected)
{
    Buf out = BUF(1 << 20);
    Str page = str_from(text);
    read_page(format, page, page.len, page.len, &out);
    assert_string_equal(buf_text(&out), expected);
    read_page(format, page, 1, 1, &out);
    assert_string_equal(buf_text(&out), expected);
    for (size_t split = 1; split < page.len; split++) {
        read_page(format, page, split, page.len, &out);
        assert_string_equal(buf_text(&out), expected);
    }
    buf_free(&out);
}

static void text(const char *page, const char *expected)
{
    check(EXPOSITION_TEXT, page, expected);
}

static void metrics(const char *page, const char *expected)
{
    check(EXPOSITION_OPENMETRICS, page, expected);
}

static void test_text(void **state)
{
    (void)state;
    text("", "");
    text("\n \n\t\n# a comment\n#\n#x\n", "");
    text("a 1", "sample a 1\n");
    text("# HELP a One\\\\ \\n \\\"two\\\"\n# TYPE a counter\na 1\n",
         "help a [One\\ \n \\\"two\\\"]\ntype a 1\nsample a 1\n");
    text("# HELP a\n# TYPE b untyped\n#  TYPE\tc\tsummary \n", "help a []\ntype b 0\ntype c 4\n");
    text("a{} 1\na{b=\"\"} 2\na { b = \"c\" , } 3 \n\ta\t4\t5\n",
         "sample a 1\nsample a 2\nsample a b=[c] 3\nsample a 4 @5\n");
    text("a{z=\"1\",b=\"x\\\\\\\"\\n\\t{},=#\"}2 -7\n",
         "sample a b=[x\\\"\n\\t{},=#] z=[1] 2 @-7\n");
    text("a NaN\na +Inf\na -inf\na infinity\na -.5e+1\na 007.\na 1e-3\na +0x\n",
         "sample a NaN\nsample a +Inf\nsample a -Inf\nsample a +Inf\nsample a -5\nsample a 7\n"
         "sample a 0.001\n! line 8, column 3: expected a number\n");
    text("a:b_c9{l=\"\xc3\xa9\"} 1\n", "sample a:b_c9 l=[\xc3\xa9] 1\n");
    text("# EOF\na 1\n", "sample a 1\n"); /* a comment here */
}

static void test_openmetrics(void **state)
{
    (void)state;
    metrics("# EOF", "");
    metrics("# EOF\n", "");
    metrics(
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a x \\\"y\\\"\na_total 1.0 "
        "1.5\n# EOF\n",
        "type a_seconds 1\nunit a_seconds [seconds]\nhelp a [x \"y\"]\nsample a_total 1 @1500\n");
    metrics("# TYPE a info\n# TYPE b stateset\n# TYPE c gaugehistogram\n# TYPE d unknown\n# EOF\n",
            "type a 6\ntype b 7\ntype c 5\ntype d 0\n");
    metrics("a_bucket{le=\"1.0\"} 3 # {trace_id=\"x\"} 0.5 1.2\na 1 2 # {} 3\n# EOF\n",
            "sample a_bucket le=[1.0] 3\nsample a 1 @2000\n");
    metrics("a -1.5 -0.001\n# EOF\n", "sample a -1.5 @-1\n");
}

static void test_bad_text(void **state)
{
    (void)state;
    text("a 1\n9a 1\n", "sample a 1\n! line 2, column 1: expected the name of a metric\n");
    text("a\n", "! line 1, column 2: expected a space and a value\n");
    text("a \n", "! line 1, column 3: expected a number\n");
    text("a 1 x\n", "! line 1, column 5: expected a time in milliseconds\n");
    text("a 1 1.5\n", "! line 1, column 5: expected a time in milliseconds\n");
    text("a 1 2 3\n", "! line 1, column 7: expected the end of the line\n");
    text("a 1e999\n", "! line 1, column 3: expected a number\n");
    text("a{b} 1\n", "! line 1, column 4: expected =\n");
    text("a{b=c} 1\n", "! line 1, column 5: expected a label value in quotes\n");
    text("a{b=\"c 1\n", "! line 1, column 9: a label value without its end\n");
    text("a{b=\"c\\\" 1\n", "! line 1, column 11: a label value without its end\n");
    text("a{b=\"c\" d=\"e\"} 1\n", "! line 1, column 9: expected , or }\n");
    text("a{9=\"c\"} 1\n", "! line 1, column 3: expected a label name or }\n");
    text("a{b=\"1\",b=\"2\"} 1\n", "! line 1, column 9: a label name that was there already\n");
    text("a{b=\"\xff\"} 1\n", "! line 1, column 6: a label value that is not UTF-8\n");
    text("a{b=\"1\"", "! line 1, column 8: expected , or }\n");
    text("# TYPE a number\n", "! line 1, column 10: expected a type of metric\n");
    text("# TYPE a\n", "! line 1, column 9: expected a type of metric\n");
    text("# TYPE a info\n", "! line 1, column 10: expected a type of metric\n");
    text("# HELP 9\n", "! line 1, column 8: expected the name of a metric\n");
    text("# HELP a{} x\n", "! line 1, column 9: expected a space\n");
    text("<html>\n", "! line 1, column 1: expected the name of a metric\n");
}

static void test_bad_openmetrics(void **state)
{
    (void)state;
    metrics("", "! line 1, column 1: the end comes without # EOF\n");
    metrics("a 1\n", "sample a 1\n! line 2, column 1: the end comes without # EOF\n");
    metrics("# EOF\na 1\n", "! line 2, column 1: something behind # EOF\n");
    metrics("\n# EOF\n", "! line 1, column 1: expected the name of a metric\n");
    metrics("# comment\n# EOF\n", "! line 1, column 2: expected HELP, TYPE, UNIT or EOF\n");
    metrics("a  1\n# EOF\n", "! line 1, column 3: expected a number\n");
    metrics("a 1 \n# EOF\n", "! line 1, column 5: a space at the end of the line\n");
    metrics("a 1 NaN\n# EOF\n", "! line 1, column 5: a time that is not a number\n");
    metrics("a 1 -Inf\n# EOF\n", "! line 1, column 5: a time that is not a number\n");
    metrics("# UNIT a seconds\n# EOF\n",
            "! line 1, column 10: a unit with which the name does not end\n");
    metrics("# UNIT seconds seconds\n# EOF\n",
            "! line 1, column 16: a unit with which the name does not end\n");
    metrics("# HELP a\n# EOF\n", "! line 1, column 9: expected a space\n");
    metrics("a{ b=\"c\"} 1\n# EOF\n", "! line 1, column 3: expected a label name or }\n");
    metrics("a 1 # x\n# EOF\n", "! line 1, column 7: expected an exemplar\n");
    metrics("a 1 # {b=\"c\"}\n# EOF\n", "! line 1, column 14: expected a space\n");
    metrics("a 1 # {b=\"c\"} 1 2 3\n# EOF\n",
            "! line 1, column 18: expected the end of the line\n");
}

static void test_limits(void **state)
{
    (void)state;
    Buf page = BUF(4 << 20), out = BUF(4 << 20);
    for (int i = 0; i <= EXPOSITION_LABELS_MAX; i++)
        buf_addf(&page, "%sl%d=\"x\"", i ? "," : "a{", i);
    buf_add(&page, STR("} 1\n"));
    read_page(EXPOSITION_TEXT, buf_str(&page), page.len, 1, &out);
    assert_string_equal(buf_text(&out), "! line 1: more than 256 labels\n");
    buf_clear(&page);
    buf_add(&page, STR("# "));
    while (page.len <= EXPOSITION_LINE_MAX + 1)
        buf_add(&page, STR("0123456789abcdef"));
    read_page(EXPOSITION_TEXT, buf_str(&page), 100000, 100000, &out);
    assert_string_equal(buf_text(&out), "! line 1: longer than 1048576 bytes\n");
    read_page(EXPOSITION_TEXT, buf_str(&page), page.len, 1, &out);
    assert_string_equal(buf_text(&out), "! line 1: longer than 1048576 bytes\n");
    buf_free(&page);
    buf_free(&out);
}

/* What the writer writes the reader reads. */
static void test_round_trip(void **state)
{
    (void)state;
    static const Label labels[] = { { STR_ROW("a"), STR_ROW("q\" s\\ n\n \\n") } };
    static const ExpositionFormat formats[] = { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        const ExpositionFormat format = formats[i];
        Buf text = BUF(1000), page = BUF(1000), out = BUF(1000);
        exposition_labels(&text, (Labels){ labels, 1 });
        exposition_family(&page, format,
                          &(ExpositionFamily){
                              .name = STR("x"), .type = METRIC_TYPE_GAUGE, .help = STR("h\\ \n") });
        exposition_sample(&page, format,
                          &(ExpositionSample){ .family = STR("x"),
                                               .suffix = "",
                                               .labels = buf_str(&text),
                                               .value = 0.1,
                                               .has_time = true,
                                               .time_ms = 1795272151319 });
        exposition_end(&page, format);
        read_page(format, buf_str(&page), page.len, 1, &out);
        assert_string_equal(buf_text(&out), "help x [h\\ \n]\ntype x 2\n"
                                            "sample x a=[q\" s\\ n\n \\n] 0.1 @1795272151319\n");
        buf_free(&text);
        buf_free(&page);
        buf_free(&out);
    }
}

static void run_starved(void)
{
    Err err;
    ExpositionEvent event;
    ExpositionReader *reader = exposition_reader_new(EXPOSITION_TEXT, &err);
    if (reader && exposition_feed(reader, STR("a{b=\"c\"} 1\nb 2\n"), &err))
        while (exposition_next(reader, &event, &err) == EXPOSITION_EVENT)
            ;
    exposition_reader_free(reader);
}

static void test_starved(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),     cmocka_unit_test(test_openmetrics),
        cmocka_unit_test(test_bad_text), cmocka_unit_test(test_bad_openmetrics),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
