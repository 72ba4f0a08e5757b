/* jaeger_search.c - the search for traces, and a trace by its id.
 *
 * A search reads the newest spans that match until it has seen as many different traces as are
 * wanted, then looks those up whole. Some tags are no attributes here but what OTLP has in fields
 * of its own; those become matchers on the fields:
 *
 *   error=true|false     status is (not) error       otel.scope.name, otel.library.name
 *   span.kind            kind                        otel.scope.version, otel.library.version
 *   otel.status_code     status                      event     name of one of its events
 */
#include "api/jaeger_internal.h"

#include "api/jaeger.h"
#include "api/jaeger_json.h"
#include "api/tags_json.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"

#include <ctype.h>

enum {
    SEARCH_MEMORY = 4 << 20, /* of parameters and trace ids */
    TAGS_MAX = 32,
    TRACE_IDS_MAX = 1000, /* of ?traceID= */
    SHOWN_MAX = 64,
};
#define LOOKBACK_DEFAULT_NS (UINT64_C(48) * 3600 * (uint64_t)NANOS_PER_SECOND)

typedef struct Search {
    const ApiRequest *request;
    Arena *arena;
    TextPair tags[TAGS_MAX];
    size_t tag_count;
    Matcher matchers[TAGS_MAX + 2];
    SpanScan scan;
    uint64_t limit; /* traces */
    bool raw;
    TraceId *ids;
    size_t id_count;
    Map seen; /* ids by their bytes */
} Search;

/* ---- parameters ---------------------------------------------------------------------------------
 */

/* The n-th value of a parameter, in the search's arena. */
static ParamResult search_text(Search *search, Str name, size_t nth, Str *out, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found = param_text(search->request->query, name, nth, &text, err);
    if (found == PARAM_FOUND && !arena_copy(search->arena, buf_str(&text), out, err))
        found = PARAM_BAD;
    buf_free(&text);
    return found;
}

static void add_matcher(Search *search, MatchField field, Str value)
{
    search->matchers[search->scan.matcher_count++] = (Matcher){ .field = field, .value = value };
}

static bool read_service(Search *search, Err *err)
{
    Str service, operation;
    ParamResult found = search_text(search, STR("service"), 0, &service, err);
    if (found == PARAM_NONE)
        return fail(err, ERR_INPUT, "parameter 'service' is required");
    if (found == PARAM_BAD)
        return false;
    add_matcher(search, MATCH_SERVICE, service);
    found = search_text(search, STR("operation"), 0, &operation, err);
    if (found == PARAM_FOUND)
        add_matcher(search, MATCH_NAME, operation);
    return found != PARAM_BAD;
}

/* tag=key:value, any number of times. */
static bool read_tag_list(Search *search, Err *err)
{
    for (size_t nth = 0;; nth++) {
        Str text, key;
        ParamResult found = search_text(search, STR("tag"), nth, &text, err);
        if (found != PARAM_FOUND)
            return found == PARAM_NONE;
        if (search->tag_count == TAGS_MAX)
            return fail(err, ERR_INPUT, "more than %d tags", TAGS_MAX);
        Str value = text;
        if (!str_split(&value, ':', &key) || !key.len || key.len == text.len)
            return fail(err, ERR_INPUT, "parameter 'tag' is '%.*s': expected key:value",
                        STR_ARG(str_first(text, SHOWN_MAX)));
        search->tags[search->tag_count++] = (TextPair){ key, value };
    }
}

static bool read_tags_object(Search *search, Err *err)
{
    Str text;
    ParamResult found = search_text(search, STR("tags"), 0, &text, err);
    if (found != PARAM_FOUND)
        return found == PARAM_NONE;
    if (tags_json_read(text, search->arena, search->tags, TAGS_MAX, &search->tag_count, err))
        return true;
    return blame(err, "parameter 'tags' is '%.*s'", STR_ARG(str_first(text, SHOWN_MAX)));
}

static Str lower(Search *search, Str text, Err *err)
{
    char *copy = arena_alloc(search->arena, text.len + 1, 1, err);
    for (size_t i = 0; copy && i < text.len; i++)
        copy[i] = (char)tolower((unsigned char)text.ptr[i]);
    return (Str){ copy, copy ? text.len : 0 };
}

static Matcher tag_matcher(const TextPair *tag)
{
    static const struct {
        Str key;
        MatchField field;
    } fields[] = {
        { STR_ROW("span.kind"), MATCH_KIND },
        { STR_ROW("otel.status_code"), MATCH_STATUS },
        { STR_ROW("otel.scope.name"), MATCH_SCOPE_NAME },
        { STR_ROW("otel.library.name"), MATCH_SCOPE_NAME },
        { STR_ROW("otel.scope.version"), MATCH_SCOPE_VERSION },
        { STR_ROW("otel.library.version"), MATCH_SCOPE_VERSION },
        { STR_ROW("event"), MATCH_EVENT_NAME },
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (str_eq(tag->key, fields[i].key))
            return (Matcher){ .field = fields[i].field, .value = tag->value };
    if (str_eq(tag->key, STR("error")) && str_eq(tag->value, STR("true")))
        return (Matcher){ .field = MATCH_STATUS, .value = STR("error") };
    if (str_eq(tag->key, STR("error")) && str_eq(tag->value, STR("false")))
        return (Matcher){ .field = MATCH_STATUS, .op = MATCH_NOT_EQUAL, .value = STR("error") };
    return (Matcher){ .field = MATCH_ANY_ATTRIBUTE, .key = tag->key, .value = tag->value };
}

static bool read_tags(Search *search, Err *err)
{
    if (!read_tag_list(search, err) || !read_tags_object(search, err))
        return false;
    for (size_t i = 0; i < search->tag_count; i++) {
        Matcher matcher = tag_matcher(&search->tags[i]);
        if (matcher.field == MATCH_KIND || matcher.field == MATCH_STATUS) {
            matcher.value = lower(search, matcher.value, err);
            if (!matcher.value.ptr)
                return false;
        }
        search->matchers[search->scan.matcher_count++] = matcher;
    }
    return true;
}

/* Microseconds in, nanoseconds out; what does not fit is the end of time. */
static uint64_t micros(uint64_t value)
{
    return value < UINT64_MAX / 1000 ? value * 1000 : UINT64_MAX;
}

static bool read_times(Search *search, Err *err)
{
    Str query = search->request->query, ignored;
    uint64_t now_us = (uint64_t)(search->request->now_ns / NANOS_PER_MICRO);
    uint64_t start_us = UINT64_MAX, end_us = now_us, lookback_ns = LOOKBACK_DEFAULT_NS;
    ParamResult found = search_text(search, STR("lookback"), 0, &ignored, err);
    if (found == PARAM_BAD || !param_u64(query, STR("start"), &start_us, err) ||
        !param_u64(query, STR("end"), &end_us, err))
        return false;
    /* "custom" is what Jaeger's page sends when start and end say it. */
    if (found == PARAM_FOUND && !str_eq(ignored, STR("custom")) &&
        !param_duration(query, STR("lookback"), &lookback_ns, err))
        return false;
    if (start_us == UINT64_MAX)
        start_us = lookback_ns / 1000 < end_us ? end_us - lookback_ns / 1000 : 0;
    if (start_us > end_us)
        return fail(err, ERR_INPUT, "parameter 'start' is '%llu': later than 'end', %llu",
                    (unsigned long long)start_us, (unsigned long long)end_us);
    search->scan.from_ns = micros(start_us);
    bool ends = end_us < UINT64_MAX / 1000 - 1;
    search->scan.to_ns = ends ? micros(end_us + 1) : 0;
    return true;
}

static bool read_durations(Search *search, Err *err)
{
    SpanScan *scan = &search->scan;
    if (!param_duration(search->request->query, STR("minDuration"), &scan->duration_min_ns, err) ||
        !param_duration(search->request->query, STR("maxDuration"), &scan->duration_max_ns, err))
        return false;
    if (!scan->duration_max_ns || scan->duration_min_ns <= scan->duration_max_ns)
        return true;
    return fail(err, ERR_INPUT, "parameter 'minDuration' is larger than 'maxDuration'");
}

static bool read_limit(Search *search, Err *err)
{
    search->limit = JAEGER_LIMIT_DEFAULT;
    if (!param_u64(search->request->query, STR("limit"), &search->limit, err) ||
        !param_bool(search->request->query, STR("raw"), &search->raw, err))
        return false;
    if (search->limit && search->limit <= JAEGER_LIMIT_MAX)
        return true;
    return fail(err, ERR_INPUT, "parameter 'limit' is '%llu': expected 1 to %d",
                (unsigned long long)search->limit, JAEGER_LIMIT_MAX);
}

/* ---- trace ids ----------------------------------------------------------------------------------
 */

static bool add_id(Search *search, const TraceId *id, Err *err)
{
    Str key = { (const char *)id->bytes, sizeof id->bytes }, kept;
    if (map_get(&search->seen, key))
        return true;
    if (!arena_copy(search->arena, key, &kept, err) || !map_put(&search->seen, kept, search, err))
        return false;
    search->ids[search->id_count++] = *id;
    return true;
}

static bool bad_id(Str text, Err *err)
{
    return fail(err, ERR_INPUT, "trace id '%.*s': expected 1 to 32 hexadecimal digits",
                STR_ARG(str_first(text, SHOWN_MAX)));
}

/* traceID=, any number of times. */
static bool read_ids(Search *search, Err *err)
{
    for (size_t nth = 0;; nth++) {
        Str text;
        TraceId id;
        ParamResult found = search_text(search, STR("traceID"), nth, &text, err);
        if (found != PARAM_FOUND)
            return found == PARAM_NONE;
        if (nth == TRACE_IDS_MAX)
            return fail(err, ERR_INPUT, "more than %d trace ids", TRACE_IDS_MAX);
        if (!jaeger_trace_id_parse(text, &id))
            return bad_id(text, err);
        if (!add_id(search, &id, err))
            return false;
    }
}

/* The traces of the newest spans that match, in that order. */
static bool find_ids(Search *search, SpanSource *source, Err *err)
{
    ScanCursor *cursor = source_scan(source, &search->scan, err);
    if (!cursor)
        return false;
    SpanBlock block;
    ScanResult result = SCAN_BLOCK;
    bool ok = true;
    while (ok && search->id_count < search->limit &&
           (result = scan_next(cursor, &block, err)) == SCAN_BLOCK)
        for (size_t i = 0; ok && i < block.count && search->id_count < search->limit; i++)
            ok = add_id(search, &block.rows[i].trace_id, err);
    scan_close(cursor);
    return ok && result != SCAN_FAILED;
}

/* ---- the answer ---------------------------------------------------------------------------------
 */

static bool write_rows(SpanSource *source, const Search *search, TraceWriter *writer, Err *err)
{
    ScanCursor *cursor = source_lookup(source, search->ids, search->id_count, err);
    if (!cursor)
        return false;
    SpanBlock block;
    ScanResult result = SCAN_BLOCK;
    bool ok = true;
    while (ok && (result = scan_next(cursor, &block, err)) == SCAN_BLOCK)
        for (size_t i = 0; ok && i < block.count; i++)
            ok = trace_writer_add(writer, &block.rows[i], err);
    trace_writer_end(writer);
    scan_close(cursor);
    return ok && result != SCAN_FAILED;
}

static bool write_traces(SpanSource *source, const Search *search, ApiAnswer *answer, size_t *count,
                         Err *err)
{
    JsonWriter json = envelope_open(answer);
    TraceWriter writer;
    json_array(&json);
    bool ok = trace_writer_init(&writer, &json, err);
    writer.raw = search->raw;
    ok = ok && write_rows(source, search, &writer, err);
    *count = writer.trace_count;
    trace_writer_done(&writer);
    json_end(&json);
    return ok && envelope_close(&json, *count, err);
}

static bool search_init(Search *search, const ApiRequest *request, Err *err)
{
    *search = (Search){ .request = request, .seen = MAP(JAEGER_LIMIT_MAX) };
    search->scan.matchers = search->matchers;
    search->scan.deadline_mono_ns = request->deadline_mono_ns;
    search->scan.clock = request->clock;
    search->arena = arena_new_in(request->purse, SEARCH_MEMORY, err);
    search->ids = search->arena ? ARENA_MAKE(search->arena, TraceId, JAEGER_LIMIT_MAX, err) : NULL;
    return search->ids != NULL;
}

static void search_done(Search *search)
{
    map_free(&search->seen);
    arena_free(search->arena);
}

static bool read_search(Search *search, SpanSource *source, Err *err)
{
    return read_service(search, err) && read_tags(search, err) && read_times(search, err) &&
           read_durations(search, err) && find_ids(search, source, err);
}

bool jaeger_search(SpanSource *source, const ApiRequest *request, ApiAnswer *answer, Err *err)
{
    Search search;
    size_t count;
    bool ok =
        search_init(&search, request, err) && read_limit(&search, err) && read_ids(&search, err);
    if (ok && !search.id_count)
        ok = read_search(&search, source, err);
    ok = ok && write_traces(source, &search, answer, &count, err);
    search_done(&search);
    return ok;
}

bool jaeger_trace(SpanSource *source, const ApiRequest *request, Str id_text, ApiAnswer *answer,
                  Err *err)
{
    Search search;
    TraceId id;
    size_t count = 0;
    bool ok = search_init(&search, request, err) && read_limit(&search, err);
    if (ok)
        ok = jaeger_trace_id_parse(id_text, &id) || bad_id(id_text, err);
    ok = ok && add_id(&search, &id, err) && write_traces(source, &search, answer, &count, err);
    search_done(&search);
    if (ok && !count)
        return fail(err, ERR_UNSUPPORTED, "trace not found");
    return ok;
}
