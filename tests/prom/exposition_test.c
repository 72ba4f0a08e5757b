/* exposition_test.c - both formats, line by line; who gets which. */
#include "prom/exposition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Label label_row[] = { { STR_ROW(LABEL_METRIC_NAME), STR_ROW("x") },
                                   { STR_ROW("a"), STR_ROW("1") },
                                   { STR_ROW("b"), STR_ROW("q\" s\\ n\n \xc3\xa9") } };

static void write_all(Buf *out, ExpositionFormat format)
{
    Buf labels = BUF(1000);
    exposition_labels(&labels, (Labels){ label_row, 3 });
    exposition_family(out, format,
                      &(ExpositionFamily){ STR("x_seconds_total"), METRIC_TYPE_COUNTER,
                                           STR("one\\ \"two\"\nthree"), STR("seconds") });
    ExpositionSample sample = { .family = STR("x_seconds_total"), .suffix = "", .value = 1e6 };
    exposition_sample(out, format, &sample);
    sample.labels = buf_str(&labels);
    sample.has_time = true;
    sample.time_ms = 1234567;
    exposition_sample(out, format, &sample);
    sample.time_ms = -1;
    sample.value = (double)NAN;
    exposition_sample(out, format, &sample);
    exposition_family(out, format,
                      &(ExpositionFamily){ .name = STR("h"), .type = METRIC_TYPE_HISTOGRAM });
    sample = (ExpositionSample){ .family = STR("h"),
                                 .suffix = "_bucket",
                                 .bound = "le",
                                 .bound_value = 10,
                                 .counts = true,
                                 .value = 2000000 };
    exposition_sample(out, format, &sample);
    sample.labels = STR("c=\"d\"");
    sample.bound_value = (double)INFINITY;
    exposition_sample(out, format, &sample);
    exposition_family(out, format,
                      &(ExpositionFamily){ .name = STR("u"), .type = METRIC_TYPE_UNKNOWN });
    exposition_family(out, format,
                      &(ExpositionFamily){ .name = STR("c"), .type = METRIC_TYPE_COUNTER });
    exposition_family(out, format,
                      &(ExpositionFamily){ .name = STR("meters"),
                                           .type = METRIC_TYPE_GAUGE,
                                           .unit = STR("meters") });
    exposition_end(out, format);
    buf_free(&labels);
}

static void test_exemplars(void **state)
{
    (void)state;
    static const struct {
        const char *family, *suffix, *text;
    } rows[] = {
        { "x_total", "", "x_total 1.0 # {span_id=\"0100000000000000\"} 0.5 0.002\n" },
        { "h", "_bucket", "h_bucket 1.0 # {span_id=\"0100000000000000\"} 0.5 0.002\n" },
        { "x", "", "x 1.0\n" }, /* a counter of another name is no counter there */
        { "h", "_count", "h_count 1.0\n" },
    };
    const SampleExemplar exemplar = { .span_id = { { 1 } }, .value = 0.5, .time_ms = 2 };
    Buf out = BUF(1000);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const ExpositionSample sample = { .family = str_from(rows[i].family),
                                          .suffix = rows[i].suffix,
                                          .value = 1,
                                          .exemplar = &exemplar };
        buf_clear(&out);
        exposition_sample(&out, EXPOSITION_OPENMETRICS, &sample);
        assert_string_equal(buf_text(&out), rows[i].text);
        buf_clear(&out);
        exposition_sample(&out, EXPOSITION_TEXT, &sample);
        assert_false(str_contains(buf_str(&out), STR("#")));
    }
    buf_free(&out);
}

static void test_text(void **state)
{
    (void)state;
    Buf out = BUF(10000);
    write_all(&out, EXPOSITION_TEXT);
    assert_string_equal(buf_text(&out),
                        "# HELP x_seconds_total one\\\\ \"two\"\\nthree\n"
                        "# TYPE x_seconds_total counter\n"
                        "x_seconds_total 1e+06\n"
                        "x_seconds_total{a=\"1\",b=\"q\\\" s\\\\ n\\n \xc3\xa9\"} 1e+06 1234567\n"
                        "x_seconds_total{a=\"1\",b=\"q\\\" s\\\\ n\\n \xc3\xa9\"} NaN -1\n"
                        "# TYPE h histogram\n"
                        "h_bucket{le=\"10\"} 2e+06\n"
                        "h_bucket{c=\"d\",le=\"+Inf\"} 2e+06\n"
                        "# TYPE u untyped\n"
                        "# TYPE c counter\n"
                        "# TYPE meters gauge\n");
    buf_free(&out);
}

static void test_openmetrics(void **state)
{
    (void)state;
    Buf out = BUF(10000);
    write_all(&out, EXPOSITION_OPENMETRICS);
    assert_string_equal(buf_text(&out),
                        "# HELP x_seconds one\\\\ \\\"two\\\"\\nthree\n"
                        "# TYPE x_seconds counter\n"
                        "# UNIT x_seconds seconds\n"
                        "x_seconds_total 1e+06\n"
                        "x_seconds_total{a=\"1\",b=\"q\\\" s\\\\ n\\n \xc3\xa9\"} 1e+06 1234.567\n"
                        "x_seconds_total{a=\"1\",b=\"q\\\" s\\\\ n\\n \xc3\xa9\"} NaN -0.001\n"
                        "# TYPE h histogram\n"
                        "h_bucket{le=\"10.0\"} 2000000\n"
                        "h_bucket{c=\"d\",le=\"+Inf\"} 2000000\n"
                        "# TYPE u unknown\n"
                        "# TYPE c unknown\n"
                        "# TYPE meters gauge\n"
                        "# EOF\n");
    buf_free(&out);
}

static void test_choice(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        ExpositionFormat format;
    } rows[] = {
        { NULL, EXPOSITION_TEXT },
        { "", EXPOSITION_TEXT },
        { "*/*", EXPOSITION_TEXT },
        { "text/plain;version=0.0.4", EXPOSITION_TEXT },
        { "application/openmetrics-text", EXPOSITION_OPENMETRICS },
        { "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", EXPOSITION_OPENMETRICS },
        { "application/openmetrics-text;version=2.0.0", EXPOSITION_TEXT },
        { "application/openmetrics-text;q=0", EXPOSITION_TEXT },
        { "application/openmetrics-text;q=0.4,text/plain;q=0.5", EXPOSITION_TEXT },
        { "application/openmetrics-text;q=0.5,text/plain;q=0.5", EXPOSITION_OPENMETRICS },
        { "application/openmetrics-text;q=x", EXPOSITION_TEXT },
        { "application/openmetrics-text;version=1.0.0,"
          "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
          "*/*;q=0.1",
          EXPOSITION_OPENMETRICS },
        { ",;=,application/openmetrics-text;;q=", EXPOSITION_TEXT },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (exposition_choose(str_from(rows[i].accept)) != rows[i].format)
            fail_msg("%s", rows[i].accept);
    assert_true(
        str_starts(exposition_content_type(EXPOSITION_TEXT), STR("text/plain; version=0.0.4")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_exemplars),
        cmocka_unit_test(test_openmetrics),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
