/* command_send.c - cryostorm send span|metric|log: one item, by hand, to see whether it arrives. */
#include "cmd/command.h"
#include "cmd/made_item.h"
#include "cmd/otlp_target.h"

#include "base/clock.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

enum { ITEM_REQUEST_MAX = 16 << 20 };

typedef struct SendOptions {
    OtlpTarget target; /* first */
    const char *service;
    OptionWords attributes;
    const char *kind, *status, *status_message, *trace_id, *parent_id, *span_id; /* span, log */
    int64_t duration_ns;
    const char *type, *unit, *description; /* metric */
    double value;
    const char *severity; /* log */
} SendOptions;

static const char *const kinds[] = {
    "internal", "server", "client", "producer", "consumer", NULL
}; /* SPAN_KIND_INTERNAL and on */
static const char *const statuses[] = { "unset", "ok", "error", NULL }; /* in StatusCode's order */
static const char *const types[] = { "gauge", "counter", "updowncounter", NULL };
static const char *const severities[] = {
    "trace", "debug", "info", "warn", "error", "fatal", NULL
}; /* 1, 5, 9 ... */

static size_t index_of(const char *const *names, const char *name)
{
    size_t at = 0;
    while (names[at] && strcmp(names[at], name) != 0)
        at++;
    return at;
}

/* clang-format off */
#define ROW(name, value, type, member, preset, help, choices) \
    { name, value, type, offsetof(SendOptions, member), preset, help, choices }
#define SHARED_ROWS                                                                                \
    ROW("service", "NAME", OPTION_TEXT, service, "cryostorm-send",                                 \
        "service.name of the resource", NULL),                                                     \
    ROW("attribute", "KEY=VALUE", OPTION_WORDS, attributes, NULL,                                  \
        "may be given several times; numbers, true and false are recognised", NULL),               \
    OTLP_TARGET_ROWS

static const OptionRow span_rows[] = {
    ROW("kind", "KIND", OPTION_TEXT, kind, "internal",
        "internal, server, client, producer or consumer", kinds),
    ROW("status", "STATUS", OPTION_TEXT, status, "unset", "unset, ok or error", statuses),
    ROW("status-message", "TEXT", OPTION_TEXT, status_message, "", "with an error: why", NULL),
    ROW("duration", "DURATION", OPTION_DURATION, duration_ns, "100ms",
        "it ends now and began so long ago", NULL),
    ROW("trace-id", "HEX", OPTION_TEXT, trace_id, NULL, "32 digits; else a new one", NULL),
    ROW("parent-id", "HEX", OPTION_TEXT, parent_id, NULL, "16 digits; else it is a root", NULL),
    SHARED_ROWS,
    { 0 },
};
static const OptionRow metric_rows[] = {
    ROW("value", "NUMBER", OPTION_REAL, value, "1", "of its one data point", NULL),
    ROW("type", "TYPE", OPTION_TEXT, type, "gauge", "gauge, counter or updowncounter", types),
    ROW("unit", "UNIT", OPTION_TEXT, unit, "", "UCUM, such as s, By, {request}", NULL),
    ROW("description", "TEXT", OPTION_TEXT, description, "", "what it means", NULL),
    SHARED_ROWS,
    { 0 },
};
static const OptionRow log_rows[] = {
    ROW("severity", "LEVEL", OPTION_TEXT, severity, "info",
        "trace, debug, info, warn, error or fatal", severities),
    ROW("trace-id", "HEX", OPTION_TEXT, trace_id, NULL, "of the trace it belongs to", NULL),
    ROW("span-id", "HEX", OPTION_TEXT, span_id, NULL, "of the span it belongs to", NULL),
    SHARED_ROWS,
    { 0 },
};
/* clang-format on */

static const CommandForm span_form = {
    "send span",
    "NAME [--option VALUE]...",
    "Sends one span by OTLP and prints its trace id.",
    span_rows,
    "  cryostorm send span \"GET /reviews\" --kind server --service shop --attribute http.response."
    "status_code=200\n"
    "  cryostorm send span import --status error --status-message \"disk full\" --duration 2s\n",
};
static const CommandForm metric_form = {
    "send metric",
    "NAME [--option VALUE]...",
    "Sends one data point of a metric by OTLP.",
    metric_rows,
    "  cryostorm send metric backup.size --value 12345678 --unit By --service nightly\n"
    "  cryostorm send metric jobs.done --type counter --value 1 --attribute queue=mail\n",
};
static const CommandForm log_form = {
    "send log",
    "MESSAGE [--option VALUE]...",
    "Sends one log record by OTLP.",
    log_rows,
    "  cryostorm send log \"backup finished\" --service nightly\n"
    "  cryostorm send log \"disk is full\" --severity error --attribute disk=sda1\n",
};

/* ---- the items ---------------------------------------------------------------------------------
 */

/* An id as given, else (with random) a new one. */
static bool take_id(const char *name, const char *text, void *out, size_t size, Random *random,
                    Err *err)
{
    if (!text && random)
        random_fill(random, out, size);
    if (!text)
        return true;
    return str_unhex(str_from(text), out, size) ||
           fail(err, ERR_INPUT, "--%s: '%s' is not %zu hexadecimal digits", name, text, 2 * size);
}

typedef struct Sending {
    const SendOptions *options;
    Str text; /* the argument: name or message */
    int64_t now_ns;
    TraceId trace_id;
    SpanId span_id;
} Sending;

static bool add_span(Sending *sending, Buf *out, Err *err)
{
    const SendOptions *options = sending->options;
    Random random;
    random_seed_from_system(&random);
    SpanView view = {
        .name = sending->text,
        .kind = (uint32_t)index_of(kinds, options->kind) + SPAN_KIND_INTERNAL,
        .status_code = (uint32_t)index_of(statuses, options->status),
        .status_message = str_from(options->status_message),
        .start_ns = (uint64_t)(sending->now_ns - options->duration_ns),
        .end_ns = (uint64_t)sending->now_ns,
        .flags = FLAG_SAMPLED,
    };
    if (!take_id("trace-id", options->trace_id, &sending->trace_id, sizeof(TraceId), &random,
                 err) ||
        !take_id("parent-id", options->parent_id, &view.parent_span_id, sizeof(SpanId), NULL, err))
        return false;
    random_fill(&random, &sending->span_id, sizeof sending->span_id);
    view.trace_id = sending->trace_id;
    view.span_id = sending->span_id;
    encode_span(out, &view);
    return made_attributes(out, SPAN_ATTRIBUTES, &options->attributes, err);
}

static bool add_metric(Sending *sending, Buf *out, Err *err)
{
    const SendOptions *options = sending->options;
    size_t type = index_of(types, options->type);
    MetricView metric = {
        .name = sending->text,
        .description = str_from(options->description),
        .unit = str_from(options->unit),
        .kind = type == 0 ? METRIC_GAUGE : METRIC_SUM,
        .temporality = type == 0 ? TEMPORALITY_UNSPECIFIED : TEMPORALITY_CUMULATIVE,
        .is_monotonic = type == 1,
    };
    NumberPointView point = { .time_ns = (uint64_t)sending->now_ns };
    point.start_ns = type == 0 ? 0 : point.time_ns;
    point.value = (NumberView){ .kind = NUMBER_DOUBLE, .real = options->value };
    encode_metric(out, &metric);
    size_t data = wire_open(out, metric.kind);
    encode_data(out, &metric);
    size_t item = wire_open(out, DATA_POINTS);
    encode_number_point(out, &point);
    bool good = made_attributes(out, NUMBER_ATTRIBUTES, &options->attributes, err);
    wire_close(out, item);
    wire_close(out, data);
    return good;
}

static bool add_log(Sending *sending, Buf *out, Err *err)
{
    const SendOptions *options = sending->options;
    size_t severity = index_of(severities, options->severity);
    LogView view = {
        .time_ns = (uint64_t)sending->now_ns,
        .observed_ns = (uint64_t)sending->now_ns,
        .severity_number = (uint32_t)(4 * severity + 1),
        .body = { .kind = VALUE_STRING, .text = sending->text },
    };
    view.severity_text = severity_name(view.severity_number);
    if (!take_id("trace-id", options->trace_id, &view.trace_id, sizeof(TraceId), NULL, err) ||
        !take_id("span-id", options->span_id, &view.span_id, sizeof(SpanId), NULL, err))
        return false;
    encode_log(out, &view);
    return made_attributes(out, LOG_ATTRIBUTES, &options->attributes, err);
}

/* ---- the command -------------------------------------------------------------------------------
 */

typedef struct SendWhat {
    const char *name;
    Signal signal;
    const CommandForm *form;
    bool (*add)(Sending *sending, Buf *out, Err *err);
} SendWhat;

static const SendWhat whats[] = {
    { "span", TRACES, &span_form, add_span },
    { "metric", METRICS, &metric_form, add_metric },
    { "log", LOGS, &log_form, add_log },
};

static bool make_request(const SendWhat *what, Sending *sending, Buf *out, Err *err)
{
    MadeRequest made = made_request_open(out, str_from(sending->options->service));
    size_t item = wire_open(out, SCOPES_ITEM);
    bool good = what->add(sending, out, err);
    wire_close(out, item);
    made_request_close(&made);
    return good && buf_ok(out, err);
}

static int tell(const SendWhat *what, const Sending *sending, const LinkAnswer *answer)
{
    const OtlpTarget *target = &sending->options->target;
    if (answer->rejected) {
        fprintf(stderr, "cryostorm send: %s took the request and rejected the %s: %s\n",
                target->endpoint, what->name, answer->err.text);
        return 1;
    }
    char trace[TRACE_ID_HEX + 1], span[SPAN_ID_HEX + 1];
    printf("%s sent to %s (%s)\n", what->name, target->endpoint, target->protocol);
    if (what->signal == TRACES)
        printf("trace %s\nspan  %s\n", trace_id_text(&sending->trace_id, trace),
               span_id_text(&sending->span_id, span));
    return 0;
}

static int send_one(const SendWhat *what, int argc, char **argv)
{
    SendOptions options = { 0 };
    OptionWords words = { 0 };
    int code;
    if (!command_read(what->form, argc, argv, &options, &words, &code))
        return code;
    Err err = { 0 };
    if (words.count != 1 || !utf8_valid(str_from(words.items[0]))) {
        fail(&err, ERR_INPUT, "give one %s; see cryostorm %s --help",
             what->signal == LOGS ? "message" : "name", what->form->name);
        return command_misused("send", &err);
    }
    otlp_target_complete(&options.target);
    Sending sending = { .options = &options,
                        .text = str_from(words.items[0]),
                        .now_ns = clock_wall_ns(clock_system()) };
    Buf request = BUF(ITEM_REQUEST_MAX);
    LinkAnswer answer = { 0 };
    if (!make_request(what, &sending, &request, &err))
        code = command_misused("send", &err);
    else if (!otlp_target_send(&options.target, what->signal, &request, &answer, &err))
        code = command_failed("send", &err);
    else
        code = tell(what, &sending, &answer);
    buf_free(&request);
    return code;
}

int command_send(int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < COUNT_OF(whats); i++)
        if (strcmp(argv[0], whats[i].name) == 0)
            return send_one(&whats[i], argc - 1, argv + 1);
    bool help = argc > 0 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));
    fprintf(help ? stdout : stderr,
            "usage: cryostorm send span|metric|log ...; each has a --help of its own\n");
    return help ? 0 : 2;
}
