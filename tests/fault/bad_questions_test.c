/* bad_questions_test.c - questions that are meant to hurt, to every API of a collector with some
 * data: each is answered with a sentence or with what it asks for, takes bounded memory, and the
 * one behind it is answered too.
 *
 * How long one may take is the deadline's business (api_server_test.c, the cases of each language);
 * here the clock stands still while one is at work, so whatever is not bounded by itself hangs.
 */
#include "support/collector.h"
#include "support/measured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char yaml[] = "receivers:\n"
                           "  otlp:\n"
                           "    acknowledge: delivered\n"
                           "    protocols:\n"
                           "      grpc: { endpoint: 127.0.0.1:4317 }\n"
                           "      http: { endpoint: 127.0.0.1:4318 }\n"
                           "exporters:\n"
                           "  store: { store: store }\n"
                           "extensions:\n"
                           "  store: { directory: data, sync: always, reserve_bytes: 0 }\n"
                           "  page: { endpoint: 127.0.0.1:16686, store: store }\n"
                           "service:\n"
                           "  extensions: [page, store]\n"
                           "  pipelines:\n"
                           "    traces: { receivers: [otlp], exporters: [store] }\n"
                           "    metrics: { receivers: [otlp], exporters: [store] }\n"
                           "    logs: { receivers: [otlp], exporters: [store] }\n";

enum { MEMORY_MAX = 32 << 20 /* with so little data */ };

typedef struct Question {
    const char *path, *parameters; /* what needs it is percent-encoded here */
    const char *repeated;          /* so many times into the place of ^ */
    int times;
    int status, other; /* either of them */
} Question;

#define PROMQL  "/api/v1/query"
#define RANGE   "/api/v1/query_range"
#define LOKI    "/loki/api/v1/query_range"
#define ALL     "start=1749990000&end=1750000000&step=15&"
#define EVERY   "{__name__=~\".+\"}"
#define STREAMS "{service_name=~\".+\"}"

static const Question questions[] = {
    /* nesting: of brackets, calls, signs, subqueries */
    { PROMQL, "query=^1", "(", 10000, 400, 400 },
    { PROMQL, "query=^1", "-", 20000, 400, 400 },
    { PROMQL, "query=^1", "abs(", 10000, 400, 400 },
    { PROMQL, "query=1^", "+1", 10000, 200, 400 },
    { PROMQL, "query=1^", "^1", 10000, 200, 400 },
    { PROMQL, "query=a^", "[1h:1s]", 5000, 400, 400 },
    { PROMQL, "query=^a^", "max_over_time(", 50, 400, 400 },
    { PROMQL, "query=max_over_time(max_over_time(max_over_time(" EVERY "[1y:1s])[1y:1s])[1y:1s])",
      NULL, 0, 422, 400 },
    { PROMQL, "query=" EVERY " * on() group_left " EVERY, NULL, 0, 422, 200 },
    { RANGE, ALL "query=count(" EVERY "[1y])", NULL, 0, 400, 400 },
    { RANGE, "start=0&end=9000000000&step=1&query=1", NULL, 0, 400, 400 },
    { RANGE, "start=0&end=9000000000&step=0.000000001&query=1", NULL, 0, 400, 400 },
    { RANGE, "start=-9e300&end=9e300&step=15&query=1", NULL, 0, 400, 400 },
    { RANGE, "start=NaN&end=Inf&step=15&query=1", NULL, 0, 400, 400 },
    { PROMQL, "query=rate(" EVERY "[9999999999999999999y])", NULL, 0, 400, 400 },
    { PROMQL, "query=" EVERY " offset 9999999999999999999y", NULL, 0, 400, 400 },
    { PROMQL, "query=" EVERY " @ 1e300", NULL, 0, 400, 422 },
    { PROMQL, "query=topk(1e300," EVERY ")", NULL, 0, 200, 422 },
    { PROMQL, "query=quantile(1e300," EVERY ")", NULL, 0, 200, 422 },
    { PROMQL, "query=label_replace(" EVERY ",\"a\",\"^\",\"__name__\",\"(.*)\")", "$1", 10000, 200,
      422 },
    { PROMQL, "query=1&limit=2147483648", NULL, 0, 200, 400 },
    { PROMQL, "query=" EVERY "&limit=99999999999999999999", NULL, 0, 400, 400 },
    { PROMQL, "query=1&timeout=99999y", NULL, 0, 200, 400 },
    { "/api/v1/series", "match[]=" EVERY "&limit=2147483648", NULL, 0, 200, 400 },
    { "/api/v1/series", "^", "match[]=a&", 5000, 400, 400 },
    { "/api/v1/label/^/values", "", "a", 10000, 400, 200 },
    /* regular expressions: linear in the text, bounded in size */
    { PROMQL, "query={__name__=~\"(a%2B)%2B$\"}", NULL, 0, 200, 200 },
    { PROMQL, "query={__name__=~\"(?:x{1000}){1000}\"}", NULL, 0, 400, 422 },
    { PROMQL, "query={__name__=~\"^\"}", "(a*)*", 2000, 200, 400 },
    { PROMQL, "query={__name__=~\"^\"}", "(", 5000, 400, 400 },
    { PROMQL, "query={__name__=~\"^x\"}", "(%3F:", 5000, 400, 400 },
    { PROMQL, "query={__name__=~\"(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^a]*x\"}", NULL, 0, 200, 200 },
    { LOKI, "query=" STREAMS "|~\"(a%2B)%2B$\"", NULL, 0, 200, 200 },
    { LOKI, "query=" STREAMS "|~\"(%3F:x{1000}){1000}\"", NULL, 0, 400, 400 },
    { LOKI, "query=" STREAMS "|~\"(%3Fi)^\"", "(h|g)*", 500, 200, 400 },
    /* LogQL */
    { LOKI, "query=^" STREAMS "^", "(", 10000, 400, 400 },
    { LOKI, "query=" STREAMS "^", "|=\"h\"", 5000, 200, 400 },
    { LOKI, "query=" STREAMS "^", "|json", 5000, 200, 400 },
    { LOKI, "query=" STREAMS "|line_format\"^\"", "{{.a}}", 2000, 200, 400 },
    { LOKI, "query=" STREAMS "|line_format\"{{^.a^}}\"", "(", 5000, 400, 400 },
    { LOKI, "query=" STREAMS "|line_format`{{ repeat 1000000000 \"x\" }}`", NULL, 0, 200, 400 },
    { LOKI, "query=" STREAMS "|line_format`{{ repeat -1 \"x\" }}`", NULL, 0, 200, 400 },
    { LOKI, "query=" STREAMS "|line_format`{{ printf \"%251000000000d\" 1 }}`", NULL, 0, 200, 400 },
    { LOKI, "query=" STREAMS "|pattern\"^\"", "<a>", 5000, 400, 400 },
    { LOKI, "query=" STREAMS "&limit=2147483648", NULL, 0, 400, 200 },
    { LOKI, "query=" STREAMS "&limit=-1", NULL, 0, 400, 400 },
    { LOKI, "start=0&end=9223372036854775807&step=1&query=rate(" STREAMS "[1s])", NULL, 0, 400,
      400 },
    { LOKI, "query=count_over_time(" STREAMS "[99999999y])", NULL, 0, 400, 400 },
    { LOKI, "query=sum(^1^)", "1%2B", 4000, 400, 200 },
    { "/loki/api/v1/series", "match[]=^", "{", 10000, 400, 400 },
    { "/loki/api/v1/label/^/values", "", "a", 10000, 200, 400 },
    /* Jaeger */
    { "/api/traces", "service=shop&limit=2147483648", NULL, 0, 400, 200 },
    { "/api/traces", "service=shop&limit=-1", NULL, 0, 400, 400 },
    { "/api/traces", "service=shop&start=-1&end=99999999999999999999", NULL, 0, 400, 400 },
    { "/api/traces", "service=shop&tags=^", "{\"a\":", 3000, 400, 400 },
    { "/api/traces", "service=shop&tags={^\"z\":\"1\"}", "\"a\":\"b\",", 2000, 200, 400 },
    { "/api/traces", "^", "traceID=41414141414141414141414141414141&", 1000, 200, 400 },
    { "/api/traces", "service=^", "x", 50000, 200, 400 },
    { "/api/traces/^", "", "a", 10000, 400, 404 },
    { "/api/services/^/operations", "", "%2e%2e%2f", 5000, 413, 400 },
    { "/api/services/^/operations", "", "%2e%2e%2f", 9, 200, 400 },
    { "/api/dependencies", "endTs=18446744073709551615&lookback=18446744073709551615", NULL, 0, 400,
      200 },
    { "/api/cryo/services", "lookback=99999999999h", NULL, 0, 400, 200 },
    /* paths: there are no files to find */
    { "/^etc/passwd", "", "..%2f", 10, 200, 404 },
    { "/assets/^etc/passwd", "", "../", 10, 404, 400 },
    { "/assets/..%5c..%5cetc%5cpasswd", "", NULL, 0, 404, 400 },
    { "/assets/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", "", NULL, 0, 404, 400 },
    { "//etc/passwd", "", NULL, 0, 200, 404 },
    { "/api/v1/../../etc/passwd", "", NULL, 0, 404, 400 },
};

static void add_encoded(Buf *out, const char *text)
{
    for (; *text; text++) {
        bool plain = strchr("%=&/.-_[]", *text) || (*text >= '0' && *text <= '9') ||
                     (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (plain)
            buf_add_byte(out, *text);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static void add_part(Buf *out, const char *text, const Question *row, bool encode)
{
    for (; *text; text++) {
        char one[2] = { *text, 0 };
        if (*text == '^' && row->times)
            for (int i = 0; i < row->times; i++)
                encode ? add_encoded(out, row->repeated) : buf_add(out, str_from(row->repeated));
        else
            add_encoded(out, one);
    }
}

static const Ask *ask(Collector *c, const char *url)
{
    size_t number = collector_get(c, url);
    for (int i = 0; i < 5000 && !collector_all_answered(c); i++)
        collector_turn(c);
    assert_true(collector_all_answered(c));
    return collector_ask(c, number);
}

static void check(Collector *c, const Question *row)
{
    Buf url = BUF(1 << 20);
    buf_add(&url, STR("http://127.0.0.1:16686"));
    add_part(&url, row->path, row, false);
    if (*row->parameters)
        buf_add_byte(&url, '?');
    add_part(&url, row->parameters, row, true);
    buf_add_byte(&url, 0);
    assert_false(url.failed);
    measured_begin();
    const Ask *answer = ask(c, url.ptr);
    if (answer->status != row->status && answer->status != row->other)
        fail_msg("%s?%s: %d %s", row->path, row->parameters, answer->status, answer->text);
    if (strstr(answer->text, "root:"))
        fail_msg("%s: a file of the machine", row->path);
    if (measured_took() > MEMORY_MAX)
        fail_msg("%s?%s took %zu bytes", row->path, row->parameters, measured_took());
    assert_int_equal(ask(c, "http://127.0.0.1:16686/api/services")->status, 200);
    buf_free(&url);
}

static void questions_that_hurt(void **state)
{
    (void)state;
    Err err;
    Collector *c = collector_new(5, yaml);
    assert_true(collector_start(c, &err));
    for (int i = 0; i < 30; i++)
        collector_send(c, (Signal[]){ TRACES, METRICS, LOGS }[i % 3], i % 2);
    for (int i = 0; i < 5000 && !collector_all_answered(c); i++)
        collector_turn(c);
    for (size_t i = 0; i < COUNT_OF(questions); i++)
        check(c, &questions[i]);
    assert_true(collector_stop(c));
    collector_free(c);
}

int main(void)
{
    measured_install();
    const struct CMUnitTest tests[] = { cmocka_unit_test(questions_that_hurt) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
