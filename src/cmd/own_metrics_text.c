/* own_metrics_text.c - see own_metrics_text.h. */
#include "cmd/own_metrics_text.h"

#include <cryostorm/version.h>

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

static const Signal signals[SIGNAL_COUNT] = { TRACES, METRICS, LOGS };
static const char *const item_names[SIGNAL_COUNT] = { "spans", "metric_points", "log_records" };

typedef struct Label {
    const char *key; /* NULL ends a list */
    Str value;
} Label;

enum { LABELS_MAX = 5 };

/* --- the format ------------------------------------------------------------------------------ */

static void add_escaped(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n')
            buf_add(out, STR("\\n"));
        else if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else
            buf_add_byte(out, c);
    }
}

static void add_name(Buf *out, const char *name, const Label *labels)
{
    buf_addf(out, "%s", name);
    for (size_t i = 0; i < LABELS_MAX && labels[i].key; i++) {
        buf_addf(out, "%s%s=\"", i ? "," : "{", labels[i].key);
        add_escaped(out, labels[i].value);
        buf_add_byte(out, '"');
    }
    buf_add(out, labels[0].key ? STR("} ") : STR(" "));
}

static void add_count(Buf *out, const char *name, const Label *labels, uint64_t value)
{
    add_name(out, name, labels);
    buf_addf(out, "%" PRIu64 "\n", value);
}

static void add_seconds(Buf *out, const char *name, double value)
{
    add_name(out, name, (Label[LABELS_MAX]){ { 0 } });
    buf_addf(out, "%.3f\n", value);
}

static void add_head(Buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* --- components ------------------------------------------------------------------------------ */

static bool carries(const ComponentStatus *c, ComponentKind kind, size_t signal)
{
    return c->kind == kind && c->signals & signals[signal];
}

/* A processor stands in several pipelines, and each of these is a component to the graph. */
static bool is_first(const GraphStatus *status, size_t at, size_t signal)
{
    const ComponentStatus *c = &status->components[at];
    for (size_t i = 0; i < at; i++)
        if (carries(&status->components[i], c->kind, signal) &&
            str_eq(status->components[i].id, c->id))
            return false;
    return true;
}

static uint64_t counted(const ComponentStatus *c, size_t signal, size_t offset)
{
    return *(const uint64_t *)((const char *)&c->by_signal[signal] + offset);
}

static uint64_t sum_of_same(const GraphStatus *status, size_t at, size_t signal, size_t offset)
{
    const ComponentStatus *c = &status->components[at];
    uint64_t sum = 0;
    for (size_t i = at; i < status->count; i++)
        if (carries(&status->components[i], c->kind, signal) &&
            str_eq(status->components[i].id, c->id))
            sum += counted(&status->components[i], signal, offset);
    return sum;
}

static Str type_of(Str id)
{
    Str type = { 0 };
    str_split(&id, '/', &type);
    return type;
}

/* A number that every component of a kind has, per signal. */
typedef struct ItemFamily {
    const char *prefix, *help;
    ComponentKind kind;
    const char *label;
    size_t offset;    /* in SignalCounts */
    const char *only; /* components of this type; NULL: of any */
} ItemFamily;

#define COUNTED(member) offsetof(SignalCounts, member)

static const ItemFamily item_families[] = {
    { "otelcol_exporter_enqueue_failed_", "Items that the exporter's queue had no room for.",
      EXPORTER, "exporter", COUNTED(refused), NULL },
    { "otelcol_exporter_send_failed_", "Items that the exporter gave up.", EXPORTER, "exporter",
      COUNTED(dropped), NULL },
    { "otelcol_exporter_sent_", "Items that the far side has taken.", EXPORTER, "exporter",
      COUNTED(sent), NULL },
    { "otelcol_processor_accepted_", "Items that were let through.", PROCESSOR, "processor",
      COUNTED(received), "memory_limiter" },
    { "otelcol_processor_memory_limiter_accepted_", "Items that were let through.", PROCESSOR,
      "processor", COUNTED(received), "memory_limiter" },
    { "otelcol_processor_memory_limiter_refused_", "Items that were turned away.", PROCESSOR,
      "processor", COUNTED(refused), "memory_limiter" },
    { "otelcol_processor_refused_", "Items that were turned away.", PROCESSOR, "processor",
      COUNTED(refused), "memory_limiter" },
};

static void add_item_family(const GraphStatus *status, const ItemFamily *family, size_t signal,
                            Buf *out)
{
    char name[96];
    bool headed = false;
    snprintf(name, sizeof name, "%s%s", family->prefix, item_names[signal]);
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        if (!carries(c, family->kind, signal) || !is_first(status, i, signal) ||
            (family->only && !str_eq(type_of(c->id), str_from(family->only))))
            continue;
        if (!headed)
            add_head(out, name, "counter", family->help);
        headed = true;
        add_count(out, name, (Label[LABELS_MAX]){ { family->label, c->id } },
                  sum_of_same(status, i, signal, family->offset));
    }
}

/* --- receivers: by transport ------------------------------------------------------------------ */

static void add_receiver(const ComponentStatus *c, const char *name, size_t signal, bool refused,
                         Buf *out)
{
    uint64_t rest = refused ? c->by_signal[signal].refused : c->by_signal[signal].sent;
    for (size_t i = 0; i < c->transport_count; i++) {
        const TransportCounts *t = &c->transports[i];
        uint64_t value = refused ? t->refused[signal] : t->sent[signal];
        add_count(out, name,
                  (Label[LABELS_MAX]){ { "receiver", c->id }, { "transport", str_from(t->name) } },
                  value);
        rest -= value < rest ? value : rest;
    }
    if (rest || !c->transport_count)
        add_count(out, name, (Label[LABELS_MAX]){ { "receiver", c->id } }, rest);
}

static void add_receivers(const GraphStatus *status, bool refused, Buf *out)
{
    for (size_t signal = 0; signal < SIGNAL_COUNT; signal++) {
        char name[96];
        bool headed = false;
        snprintf(name, sizeof name, "otelcol_receiver_%s_%s", refused ? "refused" : "accepted",
                 item_names[signal]);
        for (size_t i = 0; i < status->count; i++) {
            if (!carries(&status->components[i], RECEIVER, signal))
                continue;
            if (!headed)
                add_head(out, name, "counter",
                         refused ? "Items that the pipelines did not take."
                                 : "Items that the pipelines took.");
            headed = true;
            add_receiver(&status->components[i], name, signal, refused, out);
        }
    }
}

/* --- processors and queues ------------------------------------------------------------------- */

static void add_processors(const GraphStatus *status, const char *name, const char *help,
                           size_t offset, Buf *out)
{
    bool headed = false;
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        for (size_t signal = 0; signal < SIGNAL_COUNT; signal++) {
            if (!carries(c, PROCESSOR, signal) || !is_first(status, i, signal))
                continue;
            if (!headed)
                add_head(out, name, "counter", help);
            headed = true;
            add_count(out, name,
                      (Label[LABELS_MAX]){ { "processor", c->id },
                                           { "otel_signal", signal_name(signals[signal]) } },
                      sum_of_same(status, i, signal, offset));
        }
    }
}

/* What probabilistic_sampler made of traces and logs. */
static void add_sampled(const GraphStatus *status, size_t signal, Buf *out)
{
    char name[96];
    bool headed = false;
    snprintf(name, sizeof name, "otelcol_processor_probabilistic_sampler_count_%.*s_sampled",
             STR_ARG(signal_name(signals[signal])));
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        if (!carries(c, PROCESSOR, signal) || !is_first(status, i, signal) ||
            !str_eq(type_of(c->id), STR("probabilistic_sampler")))
            continue;
        if (!headed)
            add_head(out, name, "counter", "Items that were sampled, and that were not.");
        headed = true;
        add_count(out, name,
                  (Label[LABELS_MAX]){ { "processor", c->id }, { "sampled", STR("false") } },
                  sum_of_same(status, i, signal, COUNTED(dropped)));
        add_count(out, name,
                  (Label[LABELS_MAX]){ { "processor", c->id }, { "sampled", STR("true") } },
                  sum_of_same(status, i, signal, COUNTED(sent)));
    }
}

static bool has_one_signal(const ComponentStatus *c)
{
    return c->signals == TRACES || c->signals == METRICS || c->signals == LOGS;
}

/* One that serves several signals has one queue for all of them. */
static void add_queues(const GraphStatus *status, const char *name, const char *help, bool capacity,
                       Buf *out)
{
    bool headed = false;
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        if (c->kind != EXPORTER || !c->queue_capacity)
            continue;
        Label labels[LABELS_MAX] = { { "exporter", c->id } };
        if (has_one_signal(c))
            labels[1] = (Label){ "data_type", signal_name((Signal)c->signals) };
        if (!headed)
            add_head(out, name, "gauge", help);
        headed = true;
        add_count(out, name, labels, capacity ? c->queue_capacity : c->queue_size);
    }
}

/* 0 closed, 1 half-open, 2 open: an alert asks for more than 0. */
static void add_circuits(const GraphStatus *status, Buf *out)
{
    static const char name[] = "cryostorm_exporter_circuit_breaker_state";
    bool headed = false;
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        if (c->circuit == CIRCUIT_NONE)
            continue;
        Label labels[LABELS_MAX] = { { "exporter", c->id } };
        if (has_one_signal(c))
            labels[1] = (Label){ "data_type", signal_name((Signal)c->signals) };
        if (!headed)
            add_head(out, name, "gauge",
                     "Is the far side left alone? 0 closed, 1 half-open, 2 open.");
        headed = true;
        add_count(out, name, labels, (uint64_t)c->circuit - CIRCUIT_CLOSED);
    }
}

/* --- what was lost, and what is held ---------------------------------------------------------- */

static void add_drops(const GraphStatus *status, Buf *out)
{
    static const char name[] = "cryostorm_dropped_items_total";
    add_head(out, name, "counter", "Items that were dropped, by component and reason.");
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        for (size_t d = 0; d < c->drop_count; d++)
            for (size_t signal = 0; signal < SIGNAL_COUNT; signal++) {
                Label labels[LABELS_MAX] = {
                    { "kind", str_from(component_kind_name(c->kind)) },
                    { "component", c->id },
                    { "pipeline", c->pipeline },
                    { "otel_signal", signal_name(signals[signal]) },
                    { "reason", str_from(c->drops[d].reason) },
                };
                if (c->drops[d].by_signal[signal])
                    add_count(out, name, labels, c->drops[d].by_signal[signal]);
            }
    }
}

/* An exporter is one component to the graph per signal: each has its series. */
static void add_held(const GraphStatus *status, Buf *out)
{
    static const char name[] = "cryostorm_held_items";
    add_head(out, name, "gauge", "Items that are inside a component now.");
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        Label labels[LABELS_MAX] = {
            { "kind", str_from(component_kind_name(c->kind)) },
            { "component", c->id },
            { "pipeline", c->pipeline },
        };
        if (has_one_signal(c))
            labels[3] = (Label){ "otel_signal", signal_name((Signal)c->signals) };
        if (c->kind == PROCESSOR || c->kind == EXPORTER)
            add_count(out, name, labels, component_held(c));
    }
}

static void add_certificates(const GraphStatus *status, Buf *out)
{
    static const char name[] = "cryostorm_certificate_end_seconds";
    bool headed = false;
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *c = &status->components[i];
        for (size_t at = 0; at < c->certificate_count; at++) {
            if (!headed)
                add_head(out, name, "gauge", "When a certificate of ours ends, in unix time.");
            headed = true;
            Label labels[LABELS_MAX] = {
                { "kind", str_from(component_kind_name(c->kind)) },
                { "component", c->id },
                { "certificate", str_from(c->certificates[at].name) },
            };
            if (has_one_signal(c))
                labels[3] = (Label){ "otel_signal", signal_name((Signal)c->signals) };
            add_count(out, name, labels, (uint64_t)c->certificates[at].ends_unix);
        }
    }
}

static void add_fates(const LedgerCounts *acks, Buf *out)
{
    static const char name[] = "cryostorm_items_total", open[] = "cryostorm_open_items";
    const struct {
        Str fate;
        uint64_t items;
    } rows[] = {
        { STR("delivered"), acks->delivered_items },
        { STR("refused"), acks->refused_items },
        { STR("returned"), acks->returned_items },
        { STR("lost"), acks->lost_items },
    };
    add_head(out, name, "counter", "What became of all items that came in.");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add_count(out, name, (Label[LABELS_MAX]){ { "fate", rows[i].fate } }, rows[i].items);
    add_head(out, open, "gauge", "Items whose fate is not known yet.");
    add_count(out, open, (Label[LABELS_MAX]){ { 0 } }, acks->open_items);
}

static void add_memory(const BudgetUse *memory, Buf *out)
{
    static const Label none[LABELS_MAX] = { { 0 } };
    if (!memory->limit)
        return;
    add_head(out, "cryostorm_memory_limit_bytes", "gauge", "What the program may hold.");
    add_count(out, "cryostorm_memory_limit_bytes", none, memory->limit);
    add_head(out, "cryostorm_memory_peak_bytes", "gauge", "The most that it ever held.");
    add_count(out, "cryostorm_memory_peak_bytes", none, memory->peak);
    add_head(out, "cryostorm_memory_held_bytes", "gauge", "What it holds, and for whom.");
    for (size_t i = 0; i < BUDGET_OWNERS; i++)
        add_count(out, "cryostorm_memory_held_bytes",
                  (Label[LABELS_MAX]){ { "owner", str_from(budget_owner_name((BudgetOwner)i)) } },
                  memory->by_owner[i]);
    add_head(out, "cryostorm_memory_refused_total", "counter", "How often there was no more room.");
    add_count(out, "cryostorm_memory_refused_total", none, memory->refused);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void add_process(const ProcessFacts *process, Buf *out)
{
    if (process->has_cpu) {
        add_head(out, "otelcol_process_cpu_seconds", "counter",
                 "Processor time that this process has used.");
        add_seconds(out, "otelcol_process_cpu_seconds", process->cpu_seconds);
    }
    if (process->has_resident) {
        add_head(out, "otelcol_process_memory_rss", "gauge",
                 "Bytes of this process that are in memory.");
        add_count(out, "otelcol_process_memory_rss", (Label[LABELS_MAX]){ { 0 } },
                  process->resident_bytes);
    }
    add_head(out, "otelcol_process_uptime", "counter", "Seconds since this process began.");
    add_seconds(out, "otelcol_process_uptime", process->uptime_seconds);
    add_head(out, "target_info", "gauge", "What serves these metrics.");
    add_count(out, "target_info",
              (Label[LABELS_MAX]){ { "service_instance_id", process->instance_id },
                                   { "service_name", STR("cryostorm") },
                                   { "service_version", STR(CRYO_VERSION) } },
              1);
}

void own_metrics_write(const GraphStatus *status, const ProcessFacts *process, Buf *out)
{
    add_fates(&status->acks, out);
    add_drops(status, out);
    add_memory(&status->memory, out);
    add_held(status, out);
    add_certificates(status, out);
    add_circuits(status, out);
    for (size_t i = 0; i < COUNT_OF(item_families); i++)
        for (size_t signal = 0; signal < SIGNAL_COUNT; signal++)
            add_item_family(status, &item_families[i], signal, out);
    add_queues(status, "otelcol_exporter_queue_capacity", "How much fits into the queue.", true,
               out);
    add_queues(status, "otelcol_exporter_queue_size", "How much waits in the queue.", false, out);
    add_processors(status, "otelcol_processor_incoming_items", "Items that came in.",
                   COUNTED(received), out);
    add_processors(status, "otelcol_processor_outgoing_items", "Items that went on.", COUNTED(sent),
                   out);
    for (size_t signal = 0; signal < SIGNAL_COUNT; signal++)
        add_sampled(status, signal, out);
    add_receivers(status, false, out);
    add_receivers(status, true, out);
    add_process(process, out);
}
