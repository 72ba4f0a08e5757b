/* param.c - parameters of a query; see api_answer.h. */
#include "api/api_answer.h"

#include "base/clock.h"
#include "net/http.h"

#include <math.h>

enum { SHOWN_MAX = 64 }; /* characters of a bad value that an error repeats */

/* Is the name there at all, the n-th time? Then a value that cannot be read is an error. */
static bool is_named(Str query, Str name, size_t nth)
{
    for (Str part; str_split(&query, '&', &part);) {
        Str key;
        if (!str_split(&part, '=', &key))
            continue;
        if (str_eq(key, name) && nth-- == 0)
            return true;
    }
    return false;
}

ParamResult param_text(Str query, Str name, size_t nth, Buf *text, Err *err)
{
    buf_clear(text);
    if (!is_named(query, name, nth))
        return PARAM_NONE;
    bool decoded = http_query_get(query, name, nth, text);
    if (text->failed && !text->over_max && !buf_ok(text, err))
        return PARAM_BAD;
    if (!decoded || text->failed || text->len > PARAM_TEXT_MAX || !utf8_valid(buf_str(text))) {
        fail(err, ERR_INPUT, "parameter '%.*s' is badly encoded or longer than %d bytes",
             STR_ARG(name), PARAM_TEXT_MAX);
        return PARAM_BAD;
    }
    return text->len ? PARAM_FOUND : PARAM_NONE;
}

static bool wrong(Str name, Str value, const char *wanted, Err *err)
{
    return fail(err, ERR_INPUT, "parameter '%.*s' is '%.*s': %s", STR_ARG(name),
                STR_ARG(str_first(value, SHOWN_MAX)), wanted);
}

bool param_u64(Str query, Str name, uint64_t *out, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found = param_text(query, name, 0, &text, err);
    bool ok = found == PARAM_NONE;
    if (found == PARAM_FOUND)
        ok = str_to_u64(buf_str(&text), out) ||
             wrong(name, buf_str(&text), "expected a whole number", err);
    buf_free(&text);
    return ok;
}

bool param_bool(Str query, Str name, bool *out, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found = param_text(query, name, 0, &text, err);
    bool ok = found == PARAM_NONE;
    if (found == PARAM_FOUND) {
        Str value = buf_str(&text);
        bool yes = str_eq(value, STR("true")) || str_eq(value, STR("1"));
        ok = yes || str_eq(value, STR("false")) || str_eq(value, STR("0")) ||
             wrong(name, value, "expected true or false", err);
        *out = yes;
    }
    buf_free(&text);
    return ok;
}

/* "2d" and "1w", which Go's durations do not know. */
static bool parse_days(Str text, int64_t *out)
{
    uint64_t count;
    if (text.len < 2 || !str_to_u64(str_first(text, text.len - 1), &count) || count > 10000)
        return false;
    char unit = text.ptr[text.len - 1];
    *out = (int64_t)count * 24 * 3600 * NANOS_PER_SECOND * (unit == 'w' ? 7 : 1);
    return unit == 'd' || unit == 'w';
}

bool param_duration(Str query, Str name, uint64_t *out_ns, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found = param_text(query, name, 0, &text, err);
    bool ok = found == PARAM_NONE;
    int64_t nanos;
    if (found == PARAM_FOUND) {
        Str value = buf_str(&text);
        ok = ((duration_parse(value, &nanos) || parse_days(value, &nanos)) && nanos >= 0) ||
             wrong(name, value, "expected a duration such as 100ms, 1.5s or 2h", err);
        if (ok)
            *out_ns = (uint64_t)nanos;
    }
    buf_free(&text);
    return ok;
}

/* ---- moments and periods ----------------------------------------------------------------------
 */

/* Seconds with decimals; to the millisecond exact, and no more than a double can say. */
static bool seconds_parse(Str text, int64_t *out_ns)
{
    double seconds, whole;
    if (!str_to_double(text, &seconds) || !(fabs(seconds) < 9.2e9))
        return false;
    double fraction = modf(seconds, &whole);
    *out_ns = (int64_t)whole * NANOS_PER_SECOND + (int64_t)round(fraction * 1e6) * NANOS_PER_MICRO;
    return true;
}

static bool moment_parse(Str text, int64_t *out_ns)
{
    return seconds_parse(text, out_ns) || time_parse(text, out_ns);
}

static bool moment_or_ns_parse(Str text, int64_t *out_ns)
{
    int64_t number;
    if (text.len <= 10 || !str_to_i64(text, &number))
        return moment_parse(text, out_ns);
    *out_ns = number;
    return true;
}

static bool period_or_seconds_parse(Str text, int64_t *out_ns)
{
    return seconds_parse(text, out_ns) || period_parse(text, out_ns);
}

typedef struct Reading {
    Str name;
    bool (*parse)(Str text, int64_t *out_ns);
    const char *wanted;
} Reading;

static bool read_nanos(Str query, Reading reading, int64_t *out_ns, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found = param_text(query, reading.name, 0, &text, err);
    bool ok = found == PARAM_NONE;
    if (found == PARAM_FOUND)
        ok = reading.parse(buf_str(&text), out_ns) ||
             wrong(reading.name, buf_str(&text), reading.wanted, err);
    buf_free(&text);
    return ok;
}

bool param_time(Str query, Str name, int64_t *out_ns, Err *err)
{
    Reading reading = { name, moment_parse, "expected Unix seconds or RFC 3339" };
    return read_nanos(query, reading, out_ns, err);
}

bool param_time_or_ns(Str query, Str name, int64_t *out_ns, Err *err)
{
    Reading reading = { name, moment_or_ns_parse,
                        "expected Unix nanoseconds, seconds or RFC 3339" };
    return read_nanos(query, reading, out_ns, err);
}

bool param_period(Str query, Str name, int64_t *out_ns, Err *err)
{
    Reading reading = { name, period_or_seconds_parse,
                        "expected a period such as 15s or 1h30m, or seconds" };
    return read_nanos(query, reading, out_ns, err);
}
