/* command_query.c - cryostorm query traces|trace|metrics|logs: what is stored, on the terminal.
 *
 * Asks a running program through the APIs that everybody uses (Jaeger's, Prometheus', Loki's), so
 * it works against those too. Tables are for people; --json hands on the API's answer as it came.
 */
#include "cmd/command.h"
#include "cmd/http_get.h"
#include "cmd/table.h"

#include "base/clock.h"
#include "codec/json_tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_TREE_MAX = 512 << 20, QUERY_TARGET_MAX = 64 << 10, SPANS_SHOWN_MAX = 100000 };

typedef struct QueryOptions {
    const char *url, *service, *operation;
    OptionWords tags;
    int64_t since_ns, step_ns, timeout_ns;
    uint64_t limit;
    bool json;
    CommandTls tls;
} QueryOptions;

/* clang-format off */
#define ROW(name, value, type, member, preset, help) \
    { name, value, type, offsetof(QueryOptions, member), preset, help, NULL }
#define SHARED_ROWS(since)                                                                         \
    ROW("since", "DURATION", OPTION_DURATION, since_ns, since, "how far back"),                    \
    ROW("limit", "N", OPTION_COUNT, limit, "20", "at most so many"),                               \
    ONE_ROWS
#define ONE_ROWS                                                                                   \
    ROW("json", NULL, OPTION_FLAG, json, NULL, "the API's answer as it is"),                       \
    ROW("url", "URL", OPTION_TEXT, url, "http://127.0.0.1:16686", "of the page's port"),           \
    ROW("timeout", "DURATION", OPTION_DURATION, timeout_ns, "30s", "how long to wait"),            \
    COMMAND_TLS_ROWS(QueryOptions),                                                                \
    { 0 }

static const OptionRow traces_rows[] = {
    ROW("service", "NAME", OPTION_TEXT, service, NULL,
        "of this service; without it: which there are"),
    ROW("operation", "NAME", OPTION_TEXT, operation, NULL, "with a span of this name"),
    ROW("tag", "KEY=VALUE", OPTION_WORDS, tags, NULL,
        "with this attribute; several times: all of them"),
    SHARED_ROWS("1h"),
};
static const OptionRow trace_rows[] = { ONE_ROWS };
static const OptionRow metrics_rows[] = {
    ROW("since", "DURATION", OPTION_DURATION, since_ns, "0s", "over this time; 0s: the value now"),
    ROW("step", "DURATION", OPTION_DURATION, step_ns, "0s", "between the points; 0s: 60 in all"),
    ONE_ROWS,
};
static const OptionRow logs_rows[] = { SHARED_ROWS("1h") };
/* clang-format on */

static const CommandForm traces_form = {
    "query traces",
    "[--option VALUE]...",
    "Lists traces, newest first.",
    traces_rows,
    "  cryostorm query traces\n"
    "  cryostorm query traces --service llm-app --tag http.response.status_code=503 --since 2d\n",
};
static const CommandForm trace_form = {
    "query trace",
    "ID [--option VALUE]...",
    "Shows one trace as a tree of spans.",
    trace_rows,
    "  cryostorm query trace 4bf92f3577b34da6a3ce929d0e0e4736\n",
};
static const CommandForm metrics_form = {
    "query metrics",
    "PROMQL [--option VALUE]...",
    "Evaluates a PromQL expression.",
    metrics_rows,
    "  cryostorm query metrics 'sum by (job) (rate(chat_requests_total[5m]))'\n"
    "  cryostorm query metrics chat_requests_total --since 1h --step 5m --json\n",
};
static const CommandForm logs_form = {
    "query logs",
    "LOGQL [--option VALUE]...",
    "Shows log lines, newest last.",
    logs_rows,
    "  cryostorm query logs '{service_name=\"llm-app\"} |= \"chat\"' --since 10m\n",
};

typedef struct Query {
    QueryOptions options;
    OptionWords words;
    Arena *arena;
    const JsonValue *answer;
    int64_t now_ns;
} Query;

/* ---- asking ------------------------------------------------------------------------------------
 */

/* Each API says why in its own way. */
static bool refused(const HttpGot *got, const char *url, Arena *arena, Err *err)
{
    Err ignored;
    const JsonValue *root = json_tree(buf_str(&got->body), arena, &ignored);
    Str why = json_text_of(json_member(root, STR("error")));
    if (!why.len)
        why = json_text_of(
            json_member(json_element(json_member(root, STR("errors")), 0), STR("msg")));
    if (!why.len)
        why = str_trim(str_first(buf_str(&got->body), 200));
    return fail(err, ERR_INPUT, "%s answers %d: %.*s", url, got->status, STR_ARG(why));
}

/* Prints the body with --json (and then there is no answer to show), else reads it. */
static bool ask(Query *query, const Buf *target, Err *err)
{
    HttpGot got;
    const QueryOptions *options = &query->options;
    const HttpAsk wish = { .base = options->url,
                           .tls = &options->tls,
                           .target = buf_str(target),
                           .timeout_ns = options->timeout_ns };
    if (!buf_ok(target, err) || !http_get(&wish, &got, err))
        return false;
    bool good = got.status == 200 || refused(&got, options->url, query->arena, err);
    if (good && options->json)
        printf("%.*s\n", STR_ARG(buf_str(&got.body)));
    else if (good) {
        query->answer = json_tree(buf_str(&got.body), query->arena, err);
        good = query->answer || blame(err, "%s", options->url);
    }
    buf_free(&got.body);
    return good;
}

static void add_number(Buf *target, const char *name, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    target_add(target, name, str_from(text));
}

/* Seconds with three decimals, as Prometheus takes them. */
static void add_seconds(Buf *target, const char *name, int64_t ns)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64 ".%03d", ns / NANOS_PER_SECOND,
             (int)(ns % NANOS_PER_SECOND / NANOS_PER_MILLI));
    target_add(target, name, str_from(text));
}

static Str formatted(char *space, size_t size, const char *format, ...) PRINTF(3, 4);
static Str formatted(char *space, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(space, size, format, args);
    va_end(args);
    return (Str){ space, len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1 };
}

static Str duration_text(double micros, char space[32])
{
    if (micros < 1000)
        return formatted(space, 32, "%.0f us", micros);
    if (micros < 1e6)
        return formatted(space, 32, "%.1f ms", micros / 1e3);
    return formatted(space, 32, "%.2f s", micros / 1e6);
}

/* ---- traces ------------------------------------------------------------------------------------
 */

static bool show_services(Query *query, Err *err)
{
    Buf target = BUF(QUERY_TARGET_MAX);
    buf_add(&target, STR("/api/services"));
    bool good = ask(query, &target, err);
    buf_free(&target);
    const JsonValue *services = json_member(query->answer, STR("data"));
    if (good && !query->options.json && (!services || services->count == 0))
        printf("nothing is stored yet; try: cryostorm send span hello\n");
    for (const JsonValue *name = services ? services->first : NULL; name; name = name->next) {
        print_text(stdout, json_text_of(name));
        printf("\n");
    }
    return good;
}

static const JsonValue *root_span(const JsonValue *trace)
{
    const JsonValue *spans = json_member(trace, STR("spans")), *best = NULL;
    for (const JsonValue *span = spans ? spans->first : NULL; span; span = span->next) {
        const JsonValue *references = json_member(span, STR("references"));
        if (!references || references->count == 0)
            return span;
        best = best ? best : span;
    }
    return best;
}

static Str service_of(const JsonValue *trace, const JsonValue *span)
{
    const JsonValue *processes = json_member(trace, STR("processes"));
    const JsonValue *process =
        json_member(processes, json_text_of(json_member(span, STR("processID"))));
    return json_text_of(json_member(process, STR("serviceName")));
}

static bool add_trace(Table *table, const JsonValue *trace, Err *err)
{
    const JsonValue *span = root_span(trace), *spans = json_member(trace, STR("spans"));
    int64_t start_us = json_i64_of(json_member(span, STR("startTime")));
    char when[TIME_TEXT_SIZE], count[24], took[32];
    time_text(start_us * NANOS_PER_MICRO, when);
    const Str cells[] = {
        str_first(str_from(when), sizeof "2026-11-21T03:24:17" - 1),
        json_text_of(json_member(trace, STR("traceID"))),
        formatted(count, sizeof count, "%zu", spans ? spans->count : 0),
        duration_text(json_double_of(json_member(span, STR("duration"))), took),
        service_of(trace, span),
        json_text_of(json_member(span, STR("operationName"))),
    };
    return table_add(table, cells, err);
}

static bool query_traces(Query *query, Err *err)
{
    const QueryOptions *options = &query->options;
    if (query->words.count)
        return fail(err, ERR_INPUT, "'%s': say --service %s", query->words.items[0],
                    query->words.items[0]);
    if (!options->service)
        return show_services(query, err);
    Buf target = BUF(QUERY_TARGET_MAX);
    buf_add(&target, STR("/api/traces"));
    target_add(&target, "service", str_from(options->service));
    if (options->operation)
        target_add(&target, "operation", str_from(options->operation));
    for (size_t i = 0; i < options->tags.count; i++) {
        Str value = str_from(options->tags.items[i]), key;
        Buf pair = BUF(QUERY_TARGET_MAX);
        if (str_split(&value, '=', &key))
            buf_addf(&pair, "%.*s:%.*s", STR_ARG(key), STR_ARG(value));
        target_add(&target, "tag", buf_str(&pair));
        buf_free(&pair);
    }
    add_number(&target, "start", (query->now_ns - options->since_ns) / NANOS_PER_MICRO);
    add_number(&target, "limit", (int64_t)options->limit);
    bool good = ask(query, &target, err);
    buf_free(&target);
    static const char *const heads[] = { "TIME (UTC)", "TRACE",   "SPANS",
                                         "DURATION",   "SERVICE", "OPERATION" };
    Table table;
    table_init(&table, query->arena, heads, COUNT_OF(heads));
    const JsonValue *traces = json_member(query->answer, STR("data"));
    for (const JsonValue *trace = traces ? traces->first : NULL; good && trace; trace = trace->next)
        good = add_trace(&table, trace, err);
    if (good && !options->json)
        table_print(&table, stdout);
    return good;
}

/* ---- one trace as a tree -----------------------------------------------------------------------
 */

static Str parent_of(const JsonValue *span)
{
    const JsonValue *references = json_member(span, STR("references"));
    for (const JsonValue *to = references ? references->first : NULL; to; to = to->next)
        if (str_eq(json_text_of(json_member(to, STR("refType"))), STR("CHILD_OF")))
            return json_text_of(json_member(to, STR("spanID")));
    return (Str){ NULL, 0 };
}

static bool has_error(const JsonValue *span)
{
    const JsonValue *tags = json_member(span, STR("tags"));
    for (const JsonValue *tag = tags ? tags->first : NULL; tag; tag = tag->next)
        if (str_eq(json_text_of(json_member(tag, STR("key"))), STR("error")))
            return json_member(tag, STR("value")) && json_member(tag, STR("value"))->yes;
    return false;
}

typedef struct TreeRow {
    const JsonValue *span;
    Str id, parent;
    bool shown;
} TreeRow;

typedef struct Tree {
    const JsonValue *trace;
    TreeRow *rows;
    size_t count;
    int64_t start_us;
} Tree;

static void show_span(const Tree *tree, const TreeRow *row, unsigned depth)
{
    char took[32];
    int64_t start = json_i64_of(json_member(row->span, STR("startTime"))) - tree->start_us;
    Str duration = duration_text(json_double_of(json_member(row->span, STR("duration"))), took);
    printf("%10.1f ms  %9.*s  %*s", (double)start / 1e3, STR_ARG(duration), (int)(2 * depth), "");
    print_text(stdout, json_text_of(json_member(row->span, STR("operationName"))));
    printf("  [");
    print_text(stdout, service_of(tree->trace, row->span));
    printf("]%s\n", has_error(row->span) ? "  ERROR" : "");
}

/* A span is shown once, so a circle of parents ends. */
static void show_children(Tree *tree, Str parent, unsigned depth)
{
    enum { DEPTH_MAX = 60 };
    for (size_t i = 0; i < tree->count; i++) {
        TreeRow *row = &tree->rows[i];
        if (row->shown || !str_eq(row->parent, parent))
            continue;
        row->shown = true;
        show_span(tree, row, depth);
        if (depth < DEPTH_MAX)
            show_children(tree, row->id, depth + 1);
    }
}

static bool has_row(const Tree *tree, Str id)
{
    for (size_t i = 0; i < tree->count; i++)
        if (str_eq(tree->rows[i].id, id))
            return true;
    return false;
}

static bool show_tree(Query *query, const JsonValue *trace, Err *err)
{
    const JsonValue *spans = json_member(trace, STR("spans"));
    size_t count = spans ? spans->count : 0;
    if (count == 0 || count > SPANS_SHOWN_MAX)
        return fail(err, ERR_LIMIT, "a trace of %zu spans: see it with --json", count);
    Tree tree = { .trace = trace, .rows = ARENA_MAKE(query->arena, TreeRow, count, err) };
    if (!tree.rows)
        return false;
    for (const JsonValue *span = spans->first; span; span = span->next)
        tree.rows[tree.count++] = (TreeRow){
            .span = span,
            .id = json_text_of(json_member(span, STR("spanID"))),
            .parent = parent_of(span),
        };
    tree.start_us = json_i64_of(json_member(spans->first, STR("startTime")));
    printf("%10s     %9s  %s\n", "START", "DURATION", "SPAN [SERVICE]");
    show_children(&tree, (Str){ NULL, 0 }, 0);
    for (size_t i = 0; i < tree.count; i++) /* those whose parent is elsewhere */
        if (!tree.rows[i].shown && !has_row(&tree, tree.rows[i].parent))
            show_children(&tree, tree.rows[i].parent, 0);
    return true;
}

static bool query_trace(Query *query, Err *err)
{
    if (query->words.count != 1)
        return fail(err, ERR_INPUT, "give one trace id");
    Buf target = BUF(QUERY_TARGET_MAX);
    buf_addf(&target, "/api/traces/%s", query->words.items[0]);
    bool good = ask(query, &target, err);
    buf_free(&target);
    const JsonValue *trace = json_element(json_member(query->answer, STR("data")), 0);
    return good && (query->options.json || show_tree(query, trace, err));
}

/* ---- metrics -----------------------------------------------------------------------------------
 */

static Str series_text(Query *query, const JsonValue *labels, Err *err)
{
    Buf text = BUF(64 << 10);
    Str name = json_text_of(json_member(labels, STR("__name__"))), out = { NULL, 0 };
    buf_add(&text, name);
    bool first = true;
    for (const JsonValue *label = labels ? labels->first : NULL; label; label = label->next) {
        if (str_eq(label->key, STR("__name__")))
            continue;
        buf_addf(&text, "%s%.*s=\"%.*s\"", first ? "{" : ", ", STR_ARG(label->key),
                 STR_ARG(label->text));
        first = false;
    }
    buf_add(&text, first ? STR("") : STR("}"));
    if (text.len == 0)
        buf_add(&text, STR("{}"));
    if (buf_ok(&text, err) && !arena_copy(query->arena, buf_str(&text), &out, err))
        out = (Str){ NULL, 0 };
    buf_free(&text);
    return out;
}

static bool add_range(Query *query, Table *table, const JsonValue *series, Err *err)
{
    const JsonValue *values = json_member(series, STR("values"));
    double least = INFINITY, most = -INFINITY;
    Str last = { NULL, 0 };
    for (const JsonValue *pair = values ? values->first : NULL; pair; pair = pair->next) {
        double value = json_double_of(json_element(pair, 1));
        least = value < least ? value : least;
        most = value > most ? value : most;
        last = json_text_of(json_element(pair, 1));
    }
    char points[24], low[32], high[32];
    const Str cells[] = {
        formatted(points, sizeof points, "%zu", values ? values->count : 0),
        formatted(low, sizeof low, "%g", least),
        formatted(high, sizeof high, "%g", most),
        last,
        series_text(query, json_member(series, STR("metric")), err),
    };
    return cells[4].ptr && table_add(table, cells, err);
}

static bool show_metrics(Query *query, Err *err)
{
    static const char *const range_heads[] = { "POINTS", "MIN", "MAX", "LAST", "SERIES" };
    static const char *const heads[] = { "VALUE", "SERIES" };
    const JsonValue *data = json_member(query->answer, STR("data"));
    const JsonValue *result = json_member(data, STR("result"));
    Str type = json_text_of(json_member(data, STR("resultType")));
    bool range = str_eq(type, STR("matrix")), good = true;
    Table table;
    table_init(&table, query->arena, range ? range_heads : heads,
               range ? COUNT_OF(range_heads) : COUNT_OF(heads));
    if (str_eq(type, STR("scalar")) || str_eq(type, STR("string"))) {
        print_text(stdout, json_text_of(json_element(result, 1)));
        printf("\n");
        return true;
    }
    for (const JsonValue *series = result ? result->first : NULL; good && series;
         series = series->next) {
        const Str cells[] = { json_text_of(json_element(json_member(series, STR("value")), 1)),
                              series_text(query, json_member(series, STR("metric")), err) };
        good = range ? add_range(query, &table, series, err)
                     : cells[1].ptr && table_add(&table, cells, err);
    }
    if (good && (!result || result->count == 0))
        printf("no series; is the name right? cryostorm query metrics 'count by (__name__) "
               "({__name__=~\".+\"})' lists them\n");
    else if (good)
        table_print(&table, stdout);
    return good;
}

static bool query_metrics(Query *query, Err *err)
{
    const QueryOptions *options = &query->options;
    if (query->words.count != 1)
        return fail(err, ERR_INPUT, "give one PromQL expression, in quotes");
    Buf target = BUF(QUERY_TARGET_MAX);
    buf_add(&target, options->since_ns ? STR("/api/v1/query_range") : STR("/api/v1/query"));
    target_add(&target, "query", str_from(query->words.items[0]));
    if (options->since_ns) {
        add_seconds(&target, "start", query->now_ns - options->since_ns);
        add_seconds(&target, "end", query->now_ns);
        int64_t step = options->step_ns ? options->step_ns : options->since_ns / 60;
        add_seconds(&target, "step", step > NANOS_PER_MILLI ? step : NANOS_PER_MILLI);
    }
    bool good = ask(query, &target, err);
    buf_free(&target);
    return good && (options->json || show_metrics(query, err));
}

/* ---- logs --------------------------------------------------------------------------------------
 */

typedef struct LogLine {
    int64_t time_ns;
    Str line, severity, service;
} LogLine;

static int by_time(const void *a, const void *b)
{
    const LogLine *one = a, *other = b;
    return (one->time_ns > other->time_ns) - (one->time_ns < other->time_ns);
}

static const char *severity_colour(Str severity)
{
    static const struct {
        Str name;
        const char *colour;
    } colours[] = { { STR_ROW("FATAL"), "\033[1;31m" },
                    { STR_ROW("ERROR"), "\033[31m" },
                    { STR_ROW("WARN"), "\033[33m" },
                    { STR_ROW("DEBUG"), "\033[2m" },
                    { STR_ROW("TRACE"), "\033[2m" } };
    for (size_t i = 0; i < COUNT_OF(colours); i++)
        if (str_eq_nocase(str_first(severity, colours[i].name.len), colours[i].name))
            return colours[i].colour;
    return "";
}

static void show_line(const LogLine *line, bool colour)
{
    char when[TIME_TEXT_SIZE];
    time_text(line->time_ns, when);
    const char *begin = colour ? severity_colour(line->severity) : "";
    printf("%.23s  %s%-5.*s%s  ", when, begin, STR_ARG(line->severity), *begin ? "\033[0m" : "");
    print_text(stdout, line->service);
    printf(": ");
    print_text(stdout, line->line);
    printf("\n");
}

static bool show_logs(Query *query, Err *err)
{
    const JsonValue *result = json_member(json_member(query->answer, STR("data")), STR("result"));
    size_t count = 0;
    for (const JsonValue *stream = result ? result->first : NULL; stream; stream = stream->next) {
        const JsonValue *values = json_member(stream, STR("values"));
        count += values ? values->count : 0;
    }
    LogLine *lines = ARENA_MAKE(query->arena, LogLine, count + 1, err), *at = lines;
    if (!lines)
        return false;
    for (const JsonValue *stream = result ? result->first : NULL; stream; stream = stream->next) {
        const JsonValue *values = json_member(stream, STR("values"));
        const JsonValue *labels = json_member(stream, STR("stream"));
        for (const JsonValue *pair = values ? values->first : NULL; pair; pair = pair->next)
            *at++ =
                (LogLine){ json_i64_of(json_element(pair, 0)), json_text_of(json_element(pair, 1)),
                           json_text_of(json_member(labels, STR("severity_text"))),
                           json_text_of(json_member(labels, STR("service_name"))) };
    }
    qsort(lines, count, sizeof *lines, by_time);
    for (size_t i = 0; i < count; i++)
        show_line(&lines[i], colour_wanted(stdout));
    return true;
}

static bool is_streams(const Query *query)
{
    Str type =
        json_text_of(json_member(json_member(query->answer, STR("data")), STR("resultType")));
    return str_eq(type, STR("streams"));
}

static bool query_logs(Query *query, Err *err)
{
    if (query->words.count != 1)
        return fail(err, ERR_INPUT,
                    "give one LogQL query, in quotes, such as "
                    "'{service_name=\"llm-app\"}'");
    Buf target = BUF(QUERY_TARGET_MAX);
    buf_add(&target, STR("/loki/api/v1/query_range"));
    target_add(&target, "query", str_from(query->words.items[0]));
    add_number(&target, "start", query->now_ns - query->options.since_ns);
    add_number(&target, "limit", (int64_t)query->options.limit);
    bool good = ask(query, &target, err);
    buf_free(&target);
    if (!good || query->options.json)
        return good;
    return is_streams(query) ? show_logs(query, err) : show_metrics(query, err);
}

/* ---- the command -------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    const CommandForm *form;
    bool (*run)(Query *query, Err *err);
} whats[] = {
    { "traces", &traces_form, query_traces },
    { "trace", &trace_form, query_trace },
    { "metrics", &metrics_form, query_metrics },
    { "logs", &logs_form, query_logs },
};

static int query_one(size_t what, int argc, char **argv)
{
    int code;
    Err err = { 0 };
    Query query = { .now_ns = clock_wall_ns(clock_system()) };
    if (!command_read(whats[what].form, argc, argv, &query.options, &query.words, &code))
        return code;
    query.arena = arena_new(QUERY_TREE_MAX, &err);
    bool good = query.arena && whats[what].run(&query, &err);
    arena_free(query.arena);
    return good ? 0 : command_failed(whats[what].form->name, &err);
}

int command_query(int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < COUNT_OF(whats); i++)
        if (strcmp(argv[0], whats[i].name) == 0)
            return query_one(i, argc - 1, argv + 1);
    bool help = argc > 0 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));
    fprintf(help ? stdout : stderr,
            "usage: cryostorm query traces|trace|metrics|logs ...; each has a --help of its own\n");
    return help ? 0 : 2;
}
