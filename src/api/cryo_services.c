/* cryo_services.c - see cryo_services.h.
 *
 * One scan over the time, nothing is kept of a span but counts. Durations go into buckets whose
 * width is at most 1/128 of what they hold: 128 per power of two, the 128 made when the first
 * duration falls among them, so a service costs a few kilobytes however many spans it has.
 */
#include "api/cryo_services.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "codec/json.h"
#include "model/signal.h"
#include "store/scan.h"

#include <stdlib.h>

enum {
    SERVICES_MEMORY = 64 << 20, /* of all counts; spent, the question is refused */
    PARTS_LOG2 = 7,
    PARTS = 1 << PARTS_LOG2, /* buckets of one octave */
    OCTAVES = 64 - PARTS_LOG2 + 1,
    POINTS_DEFAULT = 60,
};
#define WINDOW_DEFAULT_NS (3600 * NANOS_PER_SECOND)

/* How a number of spans went. */
typedef struct Tally {
    uint64_t spans, errors;
    uint64_t shortest_ns, longest_ns;
    uint32_t *octaves[OCTAVES]; /* NULL: no duration there */
    uint32_t *rate, *error_rate;
} Tally;

typedef struct ServiceTally {
    Str name;
    Tally *entries, *roots; /* NULL: none */
} ServiceTally;

typedef struct Overview {
    Arena *arena;
    Map services; /* name to ServiceTally */
    bool complete;
    uint64_t from_ns, to_ns, step_ns;
    size_t points;
} Overview;

/* ---- durations in buckets -----------------------------------------------------------------------
 *
 *     octave 0: 0..127, a bucket each          octave n: 2^(6+n) up to twice that, in 128 parts
 */

static unsigned octave_of(uint64_t duration)
{
    if (duration < PARTS)
        return 0;
    return 63U - (unsigned)__builtin_clzll(duration) - PARTS_LOG2 + 1;
}

static uint64_t part_width(unsigned octave)
{
    return octave ? UINT64_C(1) << (octave - 1) : 1;
}

static unsigned part_of(uint64_t duration, unsigned octave)
{
    return (unsigned)(duration / part_width(octave)) & (PARTS - 1);
}

static double part_start(unsigned octave, unsigned part)
{
    uint64_t parts = octave ? (uint64_t)PARTS + part : part;
    return (double)parts * (double)part_width(octave);
}

/* The duration that a share of the spans did not exceed; spans must not be 0. */
static double quantile_ns(const Tally *tally, double share)
{
    double rank = share * (double)tally->spans, seen = 0;
    for (unsigned octave = 0; octave < OCTAVES; octave++)
        for (unsigned part = 0; tally->octaves[octave] && part < PARTS; part++) {
            double here = tally->octaves[octave][part];
            if (here > 0 && seen + here >= rank) {
                double width = (double)part_width(octave);
                double at = part_start(octave, part) + width * (rank - seen) / here;
                double least = (double)tally->shortest_ns, most = (double)tally->longest_ns;
                return at < least ? least : at > most ? most : at;
            }
            seen += here;
        }
    return (double)tally->longest_ns;
}

/* ---- counting -----------------------------------------------------------------------------------
 */

static Tally *new_tally(Overview *overview, Err *err)
{
    Tally *tally = ARENA_MAKE(overview->arena, Tally, 1, err);
    uint32_t *counts =
        tally ? ARENA_MAKE(overview->arena, uint32_t, 2 * overview->points, err) : NULL;
    if (!counts)
        return NULL;
    tally->shortest_ns = UINT64_MAX;
    tally->rate = counts;
    tally->error_rate = counts + overview->points;
    return tally;
}

static bool count_span(Overview *overview, Tally **into, const SpanRow *row, Err *err)
{
    if (!*into && !(*into = new_tally(overview, err)))
        return false;
    Tally *tally = *into;
    uint64_t duration = row->end_ns > row->start_ns ? row->end_ns - row->start_ns : 0;
    unsigned octave = octave_of(duration);
    uint32_t **parts = &tally->octaves[octave];
    if (!*parts && !(*parts = ARENA_MAKE(overview->arena, uint32_t, PARTS, err)))
        return false;
    (*parts)[part_of(duration, octave)]++;
    size_t point = (size_t)((row->start_ns - overview->from_ns) / overview->step_ns);
    bool failed = row->status == STATUS_ERROR;
    tally->spans++;
    tally->errors += failed;
    tally->rate[point]++;
    tally->error_rate[point] += failed;
    if (duration < tally->shortest_ns)
        tally->shortest_ns = duration;
    if (duration > tally->longest_ns)
        tally->longest_ns = duration;
    return true;
}

/* NULL with err untouched by us and `complete` false: there are too many. */
static ServiceTally *service_of(Overview *overview, Str name, bool *ok, Err *err)
{
    ServiceTally *service = map_get(&overview->services, name);
    if (service)
        return service;
    if (overview->services.count == CRYO_SERVICES_MAX) {
        overview->complete = false;
        return NULL;
    }
    service = ARENA_MAKE(overview->arena, ServiceTally, 1, err);
    *ok = service && arena_copy(overview->arena, name, &service->name, err) &&
          map_put(&overview->services, service->name, service, err);
    return *ok ? service : NULL;
}

static bool count_row(Overview *overview, const SpanRow *row, Err *err)
{
    bool ok = true;
    ServiceTally *service = service_of(overview, row->service, &ok, err);
    if (!service)
        return ok;
    if (row->kind == SPAN_KIND_SERVER || row->kind == SPAN_KIND_CONSUMER)
        ok = count_span(overview, &service->entries, row, err);
    if (ok && span_id_is_zero(&row->parent_id))
        ok = count_span(overview, &service->roots, row, err);
    return ok;
}

static bool count_all(Overview *overview, SpanSource *source, const ApiRequest *request, Err *err)
{
    SpanScan scan = { .from_ns = overview->from_ns,
                      .to_ns = overview->to_ns,
                      .columns = SCAN_ROW_ONLY,
                      .deadline_mono_ns = request->deadline_mono_ns,
                      .clock = request->clock };
    ScanCursor *cursor = source_scan(source, &scan, err);
    if (!cursor)
        return false;
    SpanBlock block;
    ScanResult result = SCAN_BLOCK;
    bool ok = true;
    while (ok && (result = scan_next(cursor, &block, err)) == SCAN_BLOCK)
        for (size_t i = 0; ok && i < block.count; i++)
            ok = count_row(overview, &block.rows[i], err);
    scan_close(cursor);
    return ok && result != SCAN_FAILED;
}

/* ---- the answer ---------------------------------------------------------------------------------
 */

static void write_number(JsonWriter *json, Str key, double value)
{
    json_key(json, key);
    json_double(json, value);
}

static void write_quantile(JsonWriter *json, Str key, const Tally *tally, double share)
{
    json_key(json, key);
    if (tally)
        json_double(json, quantile_ns(tally, share) / (double)NANOS_PER_MILLI);
    else
        json_null(json);
}

static void write_rates(JsonWriter *json, const Overview *overview, Str key, const uint32_t *counts)
{
    json_key(json, key);
    json_array(json);
    for (size_t i = 0; i < overview->points; i++) {
        uint64_t left_ns = overview->to_ns - overview->from_ns - i * overview->step_ns;
        uint64_t width_ns = left_ns < overview->step_ns ? left_ns : overview->step_ns;
        double seconds = (double)width_ns / (double)NANOS_PER_SECOND;
        json_double(json, counts ? counts[i] / seconds : 0);
    }
    json_end(json);
}

static void write_service(JsonWriter *json, const Overview *overview, const ServiceTally *service)
{
    const Tally *tally = service->entries ? service->entries : service->roots;
    Str counted = service->entries ? STR("entry") : service->roots ? STR("root") : STR("none");
    json_object(json);
    json_key(json, STR("name"));
    json_text(json, service->name);
    json_key(json, STR("counted"));
    json_text(json, counted);
    json_key(json, STR("spans"));
    json_u64(json, tally ? tally->spans : 0);
    json_key(json, STR("errors"));
    json_u64(json, tally ? tally->errors : 0);
    write_quantile(json, STR("p50_ms"), tally, 0.50);
    write_quantile(json, STR("p95_ms"), tally, 0.95);
    write_quantile(json, STR("p99_ms"), tally, 0.99);
    write_rates(json, overview, STR("rate"), tally ? tally->rate : NULL);
    write_rates(json, overview, STR("error_rate"), tally ? tally->error_rate : NULL);
    json_end(json);
}

static int by_name(const void *a, const void *b)
{
    const ServiceTally *const *left = a, *const *right = b;
    return str_compare((*left)->name, (*right)->name);
}

static bool write_services(JsonWriter *json, Overview *overview, Err *err)
{
    size_t count = 0, at = 0;
    ServiceTally **sorted =
        ARENA_MAKE(overview->arena, ServiceTally *, overview->services.count + 1, err);
    if (!sorted)
        return false;
    for (const MapEntry *entry; map_next(&overview->services, &at, &entry);)
        sorted[count++] = entry->value;
    qsort(sorted, count, sizeof *sorted, by_name);
    json_key(json, STR("services"));
    json_array(json);
    for (size_t i = 0; i < count; i++)
        write_service(json, overview, sorted[i]);
    json_end(json);
    return true;
}

static bool write_answer(Overview *overview, ApiAnswer *answer, Err *err)
{
    JsonWriter json = json_writer(&answer->body);
    double second = (double)NANOS_PER_SECOND;
    json_object(&json);
    write_number(&json, STR("start"), (double)overview->from_ns / second);
    write_number(&json, STR("end"), (double)overview->to_ns / second);
    write_number(&json, STR("step"), (double)overview->step_ns / second);
    json_key(&json, STR("complete"));
    json_bool(&json, overview->complete);
    if (!write_services(&json, overview, err))
        return false;
    json_end(&json);
    return json_done(&json, err);
}

/* ---- the question -------------------------------------------------------------------------------
 */

static bool read_times(Overview *overview, const ApiRequest *request, Err *err)
{
    int64_t end = request->now_ns, step = 0;
    if (!param_time(request->query, STR("end"), &end, err))
        return false;
    int64_t start = end > WINDOW_DEFAULT_NS ? end - WINDOW_DEFAULT_NS : 0;
    if (!param_time(request->query, STR("start"), &start, err) ||
        !param_period(request->query, STR("step"), &step, err))
        return false;
    if (start < 0 || end <= start)
        return fail(err, ERR_INPUT, "parameter 'end' must be later than 'start'");
    if (step == 0)
        step = (end - start + POINTS_DEFAULT - 1) / POINTS_DEFAULT;
    if (step < 0)
        return fail(err, ERR_INPUT, "parameter 'step' must not be negative");
    uint64_t points = ((uint64_t)(end - start) - 1) / (uint64_t)step + 1;
    if (points > CRYO_SERVICES_POINTS_MAX)
        return fail(err, ERR_INPUT, "parameter 'step' makes %llu points of this time: at most %d",
                    (unsigned long long)points, CRYO_SERVICES_POINTS_MAX);
    overview->from_ns = (uint64_t)start;
    overview->to_ns = (uint64_t)end;
    overview->step_ns = (uint64_t)step;
    overview->points = (size_t)points;
    return true;
}

static bool overview_answer(Overview *overview, SpanSource *source, const ApiRequest *request,
                            ApiAnswer *answer, Err *err)
{
    if (!source)
        return fail(err, ERR_CLOSED, "there is no store of traces");
    overview->arena = arena_new_in(request->purse, SERVICES_MEMORY, err);
    return overview->arena && read_times(overview, request, err) &&
           count_all(overview, source, request, err) && write_answer(overview, answer, err);
}

static void answer_error(ApiAnswer *answer, const Err *err)
{
    buf_clear(&answer->body);
    answer->status = err_http_status(err->kind);
    JsonWriter json = json_writer(&answer->body);
    json_object(&json);
    json_key(&json, STR("error"));
    json_text(&json, str_from(err->text));
    json_end(&json);
}

static void face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    Err err;
    Overview overview = { .services = MAP(CRYO_SERVICES_MAX), .complete = true };
    answer->status = 200;
    if (!overview_answer(&overview, sources->spans, request, answer, &err))
        answer_error(answer, &err);
    map_free(&overview.services);
    arena_free(overview.arena);
}

const ApiRoute cryo_services_routes[CRYO_SERVICES_ROUTES] = {
    { .path = STR_ROW("/api/cryo/services"), .methods = STR_ROW("GET"), .answer = face },
};
