/* command_doctor.c - cryostorm doctor: why is there no data?
 *
 * Walks the way that telemetry takes, one check after another: the program's environment, the
 * endpoint's name, its port, the protocol spoken there, one item of each signal accepted, stored
 * and found again through the APIs. Each check prints one line, a fault also what to do about it. A
 * check that cannot be made because of an earlier fault is left out.
 */
#include "cmd/command.h"
#include "cmd/http_get.h"
#include "cmd/made_item.h"
#include "cmd/otlp_target.h"
#include "cmd/probe.h"
#include "cmd/sandbox.h"

#include "base/clock.h"
#include "base/disk.h"
#include "base/random.h"
#include "codec/json_tree.h"
#include "net/port_owner.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOCTOR_REQUEST_MAX = 1 << 20,
    DOCTOR_TREE_MAX = 64 << 20,
    RUN_BYTES = 8,
    ASK_EVERY_MS = 200,
    SKEW_MAX_MS = 60000, /* of the clocks; more, and data hides in another part of the page */
};

typedef struct DoctorOptions {
    OtlpTarget target; /* first */
    const char *url;
    int64_t patience_ns;
} DoctorOptions;

/* clang-format off */
static const OptionRow rows[] = {
    { "url", "URL", OPTION_TEXT, offsetof(DoctorOptions, url), "http://127.0.0.1:16686",
      "where data is read from: the page's port; \"\" leaves that part out", NULL },
    { "patience", "DURATION", OPTION_DURATION, offsetof(DoctorOptions, patience_ns), "5s",
      "how long data may take to be found", NULL },
    OTLP_TARGET_ROWS,
    { 0 },
};
/* clang-format on */

static const CommandForm form = {
    "doctor",
    "[--option VALUE]...",
    "Finds out why no data arrives: sends one span, data point and log record the way a program "
    "would,\nfollows them to the store and back, and names the first thing that is wrong.",
    rows,
    "  cryostorm doctor\n"
    "  cryostorm doctor --endpoint http://collector:4318 --url http://collector:16686\n"
    "  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 cryostorm doctor\n",
};

typedef struct Doctor {
    DoctorOptions options;
    Arena *arena;
    unsigned faults;
    char run[2 * RUN_BYTES + 1]; /* marks what this run sent */
    TraceId trace_id;
    bool accepted[SIGNAL_COUNT];
} Doctor;

/* ---- verdicts ----------------------------------------------------------------------------------
 */

static void fine(const char *check, const char *format, ...) PRINTF(2, 3);
static void fine(const char *check, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("ok     %-12s ", check);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

/* What is wrong, and behind "fix:" what to do. */
static bool fault(Doctor *doctor, const char *check, const char *fix, const char *format, ...)
    PRINTF(4, 5);
static bool fault(Doctor *doctor, const char *check, const char *fix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("FAULT  %-12s ", check);
    vprintf(format, args);
    printf("\n       %-12s fix: %s\n", "", fix);
    va_end(args);
    doctor->faults++;
    return false;
}

/* ---- the environment of the program that should send -------------------------------------------
 */

static bool is_set_to(const char *variable, const char *value)
{
    const char *text = getenv(variable);
    return text && str_eq_nocase(str_from(text), str_from(value));
}

static void check_switches(Doctor *doctor)
{
    static const struct {
        const char *variable, *value, *effect;
    } switches[] = {
        { "OTEL_SDK_DISABLED", "true", "no SDK sends anything" },
        { "ENABLE_TELEMETRY", "false", "libcryostorm sends nothing" },
        { "OTEL_TRACES_EXPORTER", "none", "no spans are sent" },
        { "OTEL_METRICS_EXPORTER", "none", "no metrics are sent" },
        { "OTEL_LOGS_EXPORTER", "none", "no log records are sent" },
        { "OTEL_TRACES_SAMPLER", "always_off", "no spans are sent" },
    };
    for (size_t i = 0; i < COUNT_OF(switches); i++)
        if (is_set_to(switches[i].variable, switches[i].value))
            fault(doctor, "environment", "unset that variable", "%s=%s: %s", switches[i].variable,
                  switches[i].value, switches[i].effect);
}

static void check_endpoint_text(Doctor *doctor)
{
    Str endpoint = str_from(doctor->options.target.endpoint);
    Str path;
    if (!endpoint_is_path(endpoint, &path) && !str_contains(endpoint, STR("://")))
        fault(doctor, "endpoint", "write http:// in front of it",
              "%s has no scheme: most SDKs refuse it or take it for something else",
              doctor->options.target.endpoint);
    if (str_contains(endpoint, STR("/v1/")))
        fault(doctor, "endpoint",
              "leave the path out; SDKs put /v1/traces and so on behind the endpoint themselves",
              "%s has a signal's path in it", doctor->options.target.endpoint);
}

static bool check_environment(Doctor *doctor)
{
    unsigned before = doctor->faults;
    check_switches(doctor);
    check_endpoint_text(doctor);
    if (doctor->faults == before)
        fine("environment", "sending to %s by %s", doctor->options.target.endpoint,
             doctor->options.target.protocol);
    return doctor->faults == before;
}

/* ---- the endpoint ------------------------------------------------------------------------------
 */

static bool check_protocol(Doctor *doctor, const Probe *probe)
{
    bool grpc = str_eq(str_from(doctor->options.target.protocol), STR("grpc"));
    if (probe->tls)
        return fault(doctor, "protocol", "send to https://",
                     "the server expects TLS, and %s is plain text",
                     doctor->options.target.endpoint);
    if (probe->silent)
        return fault(doctor, "protocol",
                     "see what program has that port (ss -ltnp); does it expect https://?",
                     "something listens there and answers neither HTTP/1.1 nor HTTP/2");
    if (grpc && !probe->http2)
        return fault(doctor, "protocol",
                     "send by http/protobuf (OTEL_EXPORTER_OTLP_PROTOCOL), or to the gRPC port, "
                     "which is often 4317",
                     "gRPC needs HTTP/2, and the server speaks HTTP/1.1 only");
    if (!grpc && !probe->http1)
        return fault(doctor, "protocol",
                     "send by grpc (OTEL_EXPORTER_OTLP_PROTOCOL), or to the HTTP port, which is "
                     "often 4318",
                     "%s needs HTTP/1.1, and the server speaks HTTP/2 only",
                     doctor->options.target.protocol);
    fine("protocol", "%s", doctor->options.target.protocol);
    return true;
}

/* What a program would do: its handshake, its certificates. An answer of any kind is fine here. */
static bool check_tls(Doctor *doctor)
{
    Err err = { 0 };
    LinkAnswer answer;
    Buf nothing = BUF(16);
    bool sent = otlp_target_send(&doctor->options.target, TRACES, &nothing, &answer, &err);
    buf_free(&nothing);
    bool of_tls = strstr(err.text, "TLS") || strstr(err.text, "certificate") ||
                  strstr(err.text, "_file") || strstr(err.text, "cipher");
    if (sent || !of_tls) {
        fine("tls", "the server has shown a certificate that counts");
        return true;
    }
    if (strstr(err.text, "plain HTTP"))
        return fault(doctor, "tls", "send to http://, or give the server a `tls` section",
                     "the server does not speak TLS: %s", err.text);
    return fault(doctor, "tls",
                 "see the options --ca-file, --cert-file and --key-file here, and `tls` on the "
                 "server; docs/security.md has examples",
                 "%s", err.text);
}

static bool check_port(Doctor *doctor)
{
    Address address;
    Probe probe;
    Err err = { 0 };
    char text[ADDRESS_TEXT_SIZE];
    if (!probe_resolve(doctor->options.target.endpoint, 4317, &address, &err))
        return fault(doctor, "name", "check the host's name and the DNS", "%s", err.text);
    address_text(&address, text);
    if (!probe_run(&address, &probe, &err))
        return fault(doctor, "port",
                     "start the collector (cryostorm), or correct the port: gRPC is often 4317, "
                     "HTTP 4318",
                     "nobody takes connections on %s: %s", text, err.text);
    fine("port", "%s takes connections", text);
    bool https = str_starts(str_from(doctor->options.target.endpoint), STR("https://"));
    return https ? check_tls(doctor) : check_protocol(doctor, &probe);
}

/* A server of this machine: what it has given up, as the kernel says. Nothing of it is a fault. */
static void tell_sandbox(const Doctor *doctor)
{
    char path[64];
    Address address;
    PortOwner owner;
    Err unused = { 0 };
    Buf status = BUF(64 << 10);
    if (!probe_resolve(doctor->options.target.endpoint, 4317, &address, &unused) ||
        !address_is_loopback(&address) || !port_owner_find(address_port(&address), &owner))
        return;
    snprintf(path, sizeof path, "/proc/%d/status", owner.pid);
    if (disk_read_all(disk_system(), path, &status, &unused))
        fine("sandbox",
             "%s (pid %d): system calls %s, new privileges %s; this kernel's Landlock is "
             "version %d",
             owner.name, owner.pid,
             str_contains(buf_str(&status), STR("Seccomp:\t2")) ? "filtered" : "not filtered",
             str_contains(buf_str(&status), STR("NoNewPrivs:\t1")) ? "refused" : "possible",
             sandbox_landlock_version());
    buf_free(&status);
}

/* ---- one item of each signal -------------------------------------------------------------------
 */

static void add_item(Doctor *doctor, Signal signal, Buf *out)
{
    uint64_t now = (uint64_t)clock_wall_ns(clock_system());
    Str run = str_from(doctor->run);
    if (signal == TRACES) {
        SpanView span = { .trace_id = doctor->trace_id,
                          .name = STR("doctor"),
                          .kind = SPAN_KIND_INTERNAL,
                          .start_ns = now - NANOS_PER_MILLI,
                          .end_ns = now,
                          .flags = FLAG_SAMPLED };
        memcpy(&span.span_id, &doctor->trace_id, sizeof span.span_id);
        encode_span(out, &span);
        encode_text(out, SPAN_ATTRIBUTES, STR("doctor.run"), run);
    } else if (signal == METRICS) {
        const MetricView metric = { .name = STR("doctor.check"), .kind = METRIC_GAUGE };
        NumberPointView point = { .time_ns = now };
        point.value = (NumberView){ .kind = NUMBER_INT, .integer = 1 };
        encode_metric(out, &metric);
        size_t data = wire_open(out, METRIC_GAUGE);
        size_t message = wire_open(out, DATA_POINTS);
        encode_number_point(out, &point);
        encode_text(out, NUMBER_ATTRIBUTES, STR("run"), run);
        wire_close(out, message);
        wire_close(out, data);
    } else {
        const LogView record = { .time_ns = now,
                                 .observed_ns = now,
                                 .severity_number = 9,
                                 .severity_text = severity_name(9),
                                 .body = { .kind = VALUE_STRING, .text = run } };
        encode_log(out, &record);
    }
}

static bool tell_refusal(Doctor *doctor, Signal signal, const LinkAnswer *answer, const Err *err)
{
    Str name = signal_name(signal), why = str_from(err->text); /* a port may be 40367, too */
    bool absent = str_contains(why, STR("said 404")) || str_contains(why, STR("UNIMPLEMENTED")) ||
                  str_contains(why, STR("Not Found"));
    bool barred = str_contains(why, STR("said 401")) || str_contains(why, STR("said 403")) ||
                  str_contains(why, STR("UNAUTHENTICATED")) ||
                  str_contains(why, STR("PERMISSION_DENIED"));
    char check[16];
    snprintf(check, sizeof check, "%.*s", STR_ARG(name));
    if (barred)
        return fault(doctor, check,
                     "send the credentials: OTEL_EXPORTER_OTLP_HEADERS, here --header KEY=VALUE",
                     "the server wants to know who we are: %s", err->text);
    if (absent)
        return fault(doctor, check,
                     "add a pipeline of that signal to the collector's service section, or send "
                     "to another port",
                     "nobody takes %.*s there: %s", STR_ARG(name), err->text);
    if (answer->verdict == LINK_AGAIN)
        return fault(doctor, check,
                     "see the server's log; it is overloaded, out of disk or memory, or starting",
                     "not taken for now: %s", err->text);
    return fault(doctor, check, "see the server's log", "refused: %s", err->text);
}

static bool send_item(Doctor *doctor, Signal signal)
{
    Err err = { 0 };
    LinkAnswer answer = { 0 };
    Buf request = BUF(DOCTOR_REQUEST_MAX);
    MadeRequest made = made_request_open(&request, STR("cryostorm-doctor"));
    size_t item = wire_open(&request, SCOPES_ITEM);
    add_item(doctor, signal, &request);
    wire_close(&request, item);
    made_request_close(&made);
    bool good = buf_ok(&request, &err) &&
                otlp_target_send(&doctor->options.target, signal, &request, &answer, &err);
    buf_free(&request);
    if (good && answer.rejected)
        err = answer.err;
    if (!good || answer.rejected)
        return tell_refusal(doctor, signal, &answer, &err);
    doctor->accepted[signal_index(signal)] = true;
    return true;
}

static const Signal all_signals[] = { TRACES, METRICS, LOGS };

static bool check_accepted(Doctor *doctor)
{
    Buf list = BUF(256);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (send_item(doctor, all_signals[i]))
            buf_addf(&list, "%s%.*s", list.len ? ", " : "", STR_ARG(signal_name(all_signals[i])));
    bool any = list.len > 0;
    if (any)
        fine("accepted", "%.*s", STR_ARG(buf_str(&list)));
    buf_free(&list);
    return any;
}

/* ---- finding it again --------------------------------------------------------------------------
 */

static const JsonValue *ask(Doctor *doctor, Str target, HttpGot *got, Err *err)
{
    const HttpAsk wish = { .base = doctor->options.url,
                           .tls = &doctor->options.target.tls,
                           .target = target,
                           .timeout_ns = doctor->options.target.timeout_ns };
    if (!http_get(&wish, got, err))
        return NULL;
    const JsonValue *root = json_tree(buf_str(&got->body), doctor->arena, err);
    buf_free(&got->body);
    return root;
}

static void target_of(const Doctor *doctor, Signal signal, Buf *target)
{
    char id[TRACE_ID_HEX + 1];
    Buf query = BUF(256);
    if (signal == TRACES) {
        buf_addf(target, "/api/traces/%s", trace_id_text(&doctor->trace_id, id));
    } else if (signal == METRICS) {
        buf_addf(&query, "doctor_check{run=\"%s\"}", doctor->run);
        buf_add(target, STR("/api/v1/query"));
        target_add(target, "query", buf_str(&query));
    } else {
        buf_addf(&query, "{service_name=\"cryostorm-doctor\"} |= \"%s\"", doctor->run);
        buf_add(target, STR("/loki/api/v1/query_range"));
        target_add(target, "query", buf_str(&query));
    }
    buf_free(&query);
}

static bool has_data(Signal signal, const JsonValue *root)
{
    const JsonValue *data = json_member(root, STR("data"));
    const JsonValue *list = signal == TRACES ? data : json_member(data, STR("result"));
    return list && list->count > 0;
}

/* Asks until it is there or the patience is over. */
static bool find_item(Doctor *doctor, Signal signal, HttpGot *got, Err *err)
{
    int64_t until = clock_mono_ns(clock_system()) + doctor->options.patience_ns;
    Buf target = BUF(4096);
    target_of(doctor, signal, &target);
    bool found = false;
    do {
        found = has_data(signal, ask(doctor, buf_str(&target), got, err));
        if (!found)
            clock_sleep_ns(ASK_EVERY_MS * NANOS_PER_MILLI);
    } while (!found && clock_mono_ns(clock_system()) < until);
    buf_free(&target);
    return found;
}

static bool check_found(Doctor *doctor, Signal signal)
{
    Err err = { 0 };
    HttpGot got = { 0 };
    char check[16];
    snprintf(check, sizeof check, "%.*s", STR_ARG(signal_name(signal)));
    if (find_item(doctor, signal, &got, &err)) {
        fine(check, "sent, stored and found again");
        return true;
    }
    if (got.status >= 500)
        return fault(doctor, check, "see the program's log", "the API answers %d", got.status);
    return fault(doctor, check,
                 "the pipeline needs `store` among its exporters, and the page must read the same "
                 "store; see `received` and `dropped` on /api/cryo/status",
                 "was accepted, and is not found at %s", doctor->options.url);
}

enum {
    MEMORY_PARTS = 16,
    MEMORY_FULL = 13
}; /* of the limit: beyond, no data is taken (budget.h) */

static double mib_of(int64_t bytes)
{
    return (double)bytes / (1 << 20);
}

/* Whoever holds some, as the running program counts: "bodies 0.5, store 12.0". */
static void list_owners(const JsonValue *by, Buf *out)
{
    for (const JsonValue *owner = by ? by->first : NULL; owner; owner = owner->next)
        if (json_i64_of(owner) > 0)
            buf_addf(out, "%s%.*s %.1f", out->len ? ", " : "", STR_ARG(owner->key),
                     mib_of(json_i64_of(owner)));
}

static void check_memory(Doctor *doctor, const JsonValue *status)
{
    const JsonValue *memory = json_member(status, STR("memory"));
    int64_t limit = json_i64_of(json_member(memory, STR("limit")));
    int64_t held = json_i64_of(json_member(memory, STR("held")));
    Buf owners = BUF(1024);
    if (limit <= 0)
        return;
    list_owners(json_member(memory, STR("by")), &owners);
    if (held / MEMORY_FULL >= limit / MEMORY_PARTS)
        fault(doctor, "memory",
              "raise service.memory_limit, or see why those that hold it do not let go: a far side "
              "that is slow, a store or a cache that is too large for it",
              "so full that no data is taken: %.1f MiB held of %.1f (%.*s)", mib_of(held),
              mib_of(limit), STR_ARG(buf_str(&owners)));
    else
        fine("memory", "%.1f MiB held of %.1f (%.*s)", mib_of(held), mib_of(limit),
             STR_ARG(buf_str(&owners)));
    buf_free(&owners);
}

static bool check_page(Doctor *doctor)
{
    Err err = { 0 };
    HttpGot got = { 0 };
    const JsonValue *status = ask(doctor, STR("/api/cryo/status"), &got, &err);
    if (!status && got.status == 0)
        return fault(doctor, "page",
                     "add the extension `page` to the configuration, or say --url where it is",
                     "nobody answers: %s", err.text);
    int64_t theirs = json_i64_of(json_member(status, STR("now_unix_ms")));
    if (!theirs)
        return fault(doctor, "page", "say --url where cryostorm's page is",
                     "%s answers, and is not cryostorm (HTTP %d)", doctor->options.url, got.status);
    int64_t skew = theirs - clock_wall_ns(clock_system()) / NANOS_PER_MILLI;
    fine("page", "%s is cryostorm %.*s", doctor->options.url,
         STR_ARG(json_text_of(json_member(status, STR("version")))));
    check_memory(doctor, status);
    if (skew > SKEW_MAX_MS || skew < -SKEW_MAX_MS)
        return fault(doctor, "clock", "set both clocks by NTP",
                     "the server's clock is %" PRId64 " s away from ours, so data hides in another "
                     "time",
                     skew / 1000);
    return true;
}

/* Nothing was taken: is it for want of memory? The page may well be elsewhere, or not be. */
static void explain_refusal(Doctor *doctor)
{
    Err unused = { 0 };
    HttpGot got = { 0 };
    check_memory(doctor, ask(doctor, STR("/api/cryo/status"), &got, &unused));
}

static void check_back(Doctor *doctor)
{
    if (!doctor->options.url[0] || !check_page(doctor))
        return;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (doctor->accepted[i])
            (void)check_found(doctor, all_signals[i]);
}

/* ---- the command -------------------------------------------------------------------------------
 */

static void examine(Doctor *doctor)
{
    Random random;
    uint8_t run[RUN_BYTES];
    random_seed_from_system(&random);
    random_fill(&random, run, sizeof run);
    random_fill(&random, &doctor->trace_id, sizeof doctor->trace_id);
    hex_write(doctor->run, run, sizeof run);
    (void)check_environment(doctor);
    if (!check_port(doctor))
        return;
    tell_sandbox(doctor);
    if (check_accepted(doctor))
        check_back(doctor);
    else if (doctor->options.url[0])
        explain_refusal(doctor);
}

int command_doctor(int argc, char **argv)
{
    Doctor doctor = { 0 };
    OptionWords words = { 0 };
    int code;
    Err err = { 0 };
    if (!command_read(&form, argc, argv, &doctor.options, &words, &code))
        return code;
    if (words.count) {
        fail(&err, ERR_INPUT, "'%s' is too much; see cryostorm doctor --help", words.items[0]);
        return command_misused("doctor", &err);
    }
    otlp_target_complete(&doctor.options.target);
    doctor.arena = arena_new(DOCTOR_TREE_MAX, &err);
    if (!doctor.arena)
        return command_failed("doctor", &err);
    examine(&doctor);
    arena_free(doctor.arena);
    if (!doctor.faults)
        printf("\nnothing is wrong: what is sent like this arrives\n");
    return doctor.faults ? 1 : 0;
}
