/* prometheus_meta.c - which series, labels, values and families there are. */
#include "api/prometheus_internal.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SELECTORS_MAX = 64, ARENA_MAX = 256 << 20, NAME_MAX_BYTES = 4096 };
#define EVER (INT64_MAX / 4)

/* ---- what may narrow it -------------------------------------------------------------------------
 */

typedef struct Narrow {
    PromExpr *exprs[SELECTORS_MAX];
    size_t count;
    int64_t from_ms, to_ms; /* from < time <= to */
    uint64_t limit;
} Narrow;

static void narrow_done(Narrow *narrow)
{
    for (size_t i = 0; i < narrow->count; i++)
        promql_free(narrow->exprs[i]);
}

static bool read_selector(Narrow *narrow, Str text, Err *err)
{
    const LabelMatcher *matchers;
    size_t count;
    if (narrow->count == SELECTORS_MAX)
        return fail(err, ERR_INPUT, "more than %d of the parameter \"match[]\"", SELECTORS_MAX);
    PromExpr *expr = promql_parse(text, err);
    if (expr)
        narrow->exprs[narrow->count++] = expr;
    return (expr && promql_selector(expr, &matchers, &count, err)) ||
           blame(err, "invalid parameter \"match[]\"");
}

static bool read_selectors(Narrow *narrow, Str query, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found;
    bool good = true;
    for (size_t nth = 0; good; nth++) {
        found = param_text(query, STR("match[]"), nth, &text, err);
        good = found != PARAM_BAD;
        if (found != PARAM_FOUND)
            break;
        good = read_selector(narrow, buf_str(&text), err);
    }
    buf_free(&text);
    return good;
}

static bool read_narrow(PromAsk *ask, Narrow *narrow, Err *err)
{
    Str query = ask->request->query;
    int64_t start = INT64_MIN, end = INT64_MIN;
    *narrow = (Narrow){ 0 };
    if (!param_time(query, STR("start"), &start, err) ||
        !param_time(query, STR("end"), &end, err) ||
        !param_u64(query, STR("limit"), &narrow->limit, err))
        return false;
    narrow->from_ms = start == INT64_MIN ? -EVER : start / NANOS_PER_MILLI - 1;
    narrow->to_ms = end == INT64_MIN ? EVER : end / NANOS_PER_MILLI;
    if (narrow->to_ms <= narrow->from_ms)
        return fail(err, ERR_INPUT,
                    "invalid parameter \"end\": end timestamp must not be before start time");
    return read_selectors(narrow, query, err);
}

/* ---- names and values ---------------------------------------------------------------------------
 */

typedef struct Texts {
    Arena *arena;
    Str *ptr;
    size_t count, cap;
    Err err;
    bool failed;
} Texts;

static bool add_text(void *context, Str text)
{
    Texts *texts = context;
    if (texts->count == texts->cap) {
        size_t cap = texts->cap ? texts->cap * 2 : 64;
        Str *more = ARENA_MAKE(texts->arena, Str, cap, &texts->err);
        texts->failed = !more;
        if (!more)
            return false;
        if (texts->count)
            memcpy(more, texts->ptr, texts->count * sizeof *more);
        texts->ptr = more;
        texts->cap = cap;
    }
    texts->failed = !arena_copy(texts->arena, text, &texts->ptr[texts->count], &texts->err);
    texts->count += !texts->failed;
    return !texts->failed;
}

static bool ask_labels(PromAsk *ask, const Narrow *narrow, size_t selector, Texts *texts, Err *err)
{
    LabelQuery query = { .name = ask->name,
                         .from_ms = narrow->from_ms,
                         .to_ms = narrow->to_ms,
                         .limit = narrow->limit ? (size_t)narrow->limit + 1 : 0,
                         .deadline_mono_ns = ask->request->deadline_mono_ns,
                         .clock = ask->request->clock };
    if (narrow->count &&
        !promql_selector(narrow->exprs[selector], &query.matchers, &query.matcher_count, err))
        return false;
    if (!series_labels(ask->source, &query, add_text, texts, err))
        return false;
    if (texts->failed)
        *err = texts->err;
    return !texts->failed;
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

static bool write_texts(PromAsk *ask, const Narrow *narrow, Texts *texts, Err *err)
{
    if (texts->count > 1)
        qsort(texts->ptr, texts->count, sizeof *texts->ptr, by_text);
    JsonWriter json = prometheus_open(ask);
    uint64_t told = 0;
    json_array(&json);
    for (size_t i = 0; i < texts->count; i++) {
        if (i && str_eq(texts->ptr[i], texts->ptr[i - 1]))
            continue;
        ask->truncated = narrow->limit && told == narrow->limit;
        if (ask->truncated)
            break;
        json_text(&json, texts->ptr[i]);
        told++;
    }
    json_end(&json);
    return prometheus_close(ask, &json, err);
}

/* With several selectors each is asked by itself, and what they find is put together. */
bool prometheus_labels(PromAsk *ask, Err *err)
{
    Narrow narrow;
    Texts texts = { .arena = arena_new_in(ask->request->purse, ARENA_MAX, err) };
    bool good = texts.arena != NULL;
    if (good) {
        good = read_narrow(ask, &narrow, err);
        for (size_t i = 0; good && i < (narrow.count ? narrow.count : 1); i++)
            good = ask_labels(ask, &narrow, i, &texts, err);
        good = good && write_texts(ask, &narrow, &texts, err);
        narrow_done(&narrow);
    }
    arena_free(texts.arena);
    return good;
}

/* ---- values of a label, whose name may be escaped -----------------------------------------------
 */

/* The digits of "_2f_"; 0: it is none. */
static size_t hex_length(Str text, uint64_t *rune)
{
    *rune = 0;
    for (size_t i = 0; i < text.len && i <= 6; i++) {
        char c = text.ptr[i];
        if (c == '_')
            return *rune <= 0x10FFFF ? i : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return 0;
        *rune = *rune * 16 + (uint64_t)digit;
    }
    return 0;
}

/* "U__": behind it __ is _ and _2f_ the character of that number. What is neither is no such name,
 * and is taken as it stands. */
static bool unescape(Str name, Buf *out)
{
    Str rest = str_skip(name, 3);
    buf_clear(out);
    while (rest.len) {
        uint64_t rune;
        Str behind = str_skip(rest, 1);
        size_t digits = rest.ptr[0] == '_' ? hex_length(behind, &rune) : 0;
        if (rest.ptr[0] != '_') {
            buf_add_byte(out, rest.ptr[0]);
            rest = behind;
        } else if (str_starts(behind, STR("_"))) {
            buf_add_byte(out, '_');
            rest = str_skip(rest, 2);
        } else if (digits) {
            buf_add_utf8(out, rune < UINT32_MAX ? (uint32_t)rune : UINT32_MAX);
            rest = str_skip(behind, digits + 1);
        } else {
            return false;
        }
    }
    return true;
}

bool prometheus_label_values(PromAsk *ask, Err *err)
{
    Buf decoded = BUF(NAME_MAX_BYTES), plain = BUF(NAME_MAX_BYTES);
    bool good = http_percent_decode(ask->name, &decoded) && !decoded.failed;
    ask->name = buf_str(&decoded);
    if (good && str_starts(ask->name, STR("U__")) && unescape(ask->name, &plain))
        ask->name = buf_str(&plain);
    if (!good || !ask->name.len || !utf8_valid(ask->name))
        good =
            fail(err, ERR_INPUT, "invalid label name: \"%.*s\"", STR_ARG(str_first(ask->name, 64)));
    good = good && prometheus_labels(ask, err);
    buf_free(&decoded);
    buf_free(&plain);
    return good;
}

/* ---- series -------------------------------------------------------------------------------------
 */

typedef struct Sets {
    Arena *arena;
    Labels *ptr;
    size_t count, cap;
} Sets;

static bool copy_labels(Arena *arena, Labels from, Labels *out, Err *err)
{
    Label *labels = ARENA_MAKE(arena, Label, from.count + 1, err);
    for (size_t i = 0; labels && i < from.count; i++)
        if (!arena_copy(arena, from.ptr[i].name, &labels[i].name, err) ||
            !arena_copy(arena, from.ptr[i].value, &labels[i].value, err))
            return false;
    *out = (Labels){ labels, from.count };
    return labels != NULL;
}

static bool add_set(Sets *sets, Labels labels, Err *err)
{
    if (sets->count == sets->cap) {
        size_t cap = sets->cap ? sets->cap * 2 : 64;
        Labels *more = ARENA_MAKE(sets->arena, Labels, cap, err);
        if (!more)
            return false;
        if (sets->count)
            memcpy(more, sets->ptr, sets->count * sizeof *more);
        sets->ptr = more;
        sets->cap = cap;
    }
    return copy_labels(sets->arena, labels, &sets->ptr[sets->count++], err);
}

static bool scan_sets(PromAsk *ask, const Narrow *narrow, size_t selector, Sets *sets, Err *err)
{
    SeriesScan scan = { .from_ms = narrow->from_ms,
                        .to_ms = narrow->to_ms,
                        .labels_only = true,
                        .deadline_mono_ns = ask->request->deadline_mono_ns,
                        .clock = ask->request->clock };
    if (!promql_selector(narrow->exprs[selector], &scan.matchers, &scan.matcher_count, err))
        return false;
    SeriesCursor *cursor = series_scan(ask->source, &scan, err);
    if (!cursor)
        return false;
    SeriesRow row;
    SeriesResult result;
    uint64_t found = 0; /* one more than wanted shows that there are more */
    while ((result = series_next(cursor, &row, err)) == SERIES_ROW) {
        if (!add_set(sets, row.labels, err)) {
            result = SERIES_FAILED;
            break;
        }
        if (narrow->limit && ++found > narrow->limit) {
            result = SERIES_END;
            break;
        }
    }
    series_close(cursor);
    return result == SERIES_END;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(*(const Labels *)a, *(const Labels *)b);
}

static bool write_sets(PromAsk *ask, const Narrow *narrow, Sets *sets, Err *err)
{
    if (sets->count > 1)
        qsort(sets->ptr, sets->count, sizeof *sets->ptr, by_labels);
    JsonWriter json = prometheus_open(ask);
    uint64_t told = 0;
    json_array(&json);
    for (size_t i = 0; i < sets->count; i++) {
        if (i && labels_eq(sets->ptr[i], sets->ptr[i - 1]))
            continue;
        ask->truncated = narrow->limit && told == narrow->limit;
        if (ask->truncated)
            break;
        prometheus_json_labels(&json, sets->ptr[i]);
        told++;
    }
    json_end(&json);
    return prometheus_close(ask, &json, err);
}

bool prometheus_series(PromAsk *ask, Err *err)
{
    Narrow narrow;
    Sets sets = { .arena = arena_new_in(ask->request->purse, ARENA_MAX, err) };
    bool good = sets.arena != NULL;
    if (good) {
        good = read_narrow(ask, &narrow, err);
        if (good && !narrow.count)
            good = fail(err, ERR_INPUT, "no match[] parameter provided");
        for (size_t i = 0; good && i < narrow.count; i++)
            good = scan_sets(ask, &narrow, i, &sets, err);
        good = good && write_sets(ask, &narrow, &sets, err);
        narrow_done(&narrow);
    }
    arena_free(sets.arena);
    return good;
}

/* ---- metadata -----------------------------------------------------------------------------------
 */

typedef struct Metas {
    JsonWriter *json;
    uint64_t count, limit;
} Metas;

static bool write_meta(void *context, const MetricMeta *meta)
{
    Metas *metas = context;
    JsonWriter *json = metas->json;
    json_key(json, meta->name);
    json_array(json);
    json_object(json);
    json_key(json, STR("type"));
    json_text(json, str_from(metric_type_name(meta->type)));
    json_key(json, STR("help"));
    json_text(json, meta->help);
    json_key(json, STR("unit"));
    json_text(json, meta->unit);
    json_end(json);
    json_end(json);
    return !metas->limit || ++metas->count < metas->limit;
}

bool prometheus_metadata(PromAsk *ask, Err *err)
{
    Str query = ask->request->query;
    Buf metric = BUF(NAME_MAX_BYTES);
    Metas metas = { 0 };
    uint64_t per_metric; /* there is one per metric, always */
    bool good = param_text(query, STR("metric"), 0, &metric, err) != PARAM_BAD &&
                param_u64(query, STR("limit"), &metas.limit, err) &&
                param_u64(query, STR("limit_per_metric"), &per_metric, err);
    if (good) {
        JsonWriter json = prometheus_open(ask);
        const SeriesMetaQuery meta = { .metric = buf_str(&metric),
                                       .deadline_mono_ns = ask->request->deadline_mono_ns,
                                       .clock = ask->request->clock,
                                       .context = &metas,
                                       .found = write_meta };
        metas.json = &json;
        json_object(&json);
        good = series_meta(ask->source, &meta, err);
        json_end(&json);
        good = good && prometheus_close(ask, &json, err);
    }
    buf_free(&metric);
    return good;
}
