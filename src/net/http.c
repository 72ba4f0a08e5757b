/* http.c - lists of header fields and small helpers on their text; see http.h. */
#include "net/http.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

/* ---- fields ---- */

void http_fields_init(HttpFields *fields, size_t max)
{
    *fields = (HttpFields){ .text = BUF(max), .max = max };
}

void http_fields_charge(HttpFields *fields, Purse *purse)
{
    fields->text.purse = purse;
}

void http_fields_done(HttpFields *fields)
{
    Purse *purse = fields->text.purse;
    buf_free(&fields->text);
    purse_give(purse, fields->cap * sizeof *fields->spans);
    mem_free(fields->spans);
    http_fields_init(fields, fields->max);
    http_fields_charge(fields, purse);
}

void http_fields_clear(HttpFields *fields)
{
    buf_clear(&fields->text);
    fields->count = fields->charged = 0;
}

static bool room_for_one(HttpFields *fields, Err *err)
{
    if (fields->count < fields->cap)
        return true;
    size_t cap = fields->cap ? fields->cap * 2 : 16;
    size_t more = (cap - fields->cap) * sizeof *fields->spans;
    if (!purse_take(fields->text.purse, more))
        return budget_short(err, "header fields", more);
    HttpFieldSpan *spans = mem_grow(fields->spans, cap * sizeof *spans);
    if (!spans) {
        purse_give(fields->text.purse, more);
        return fail(err, ERR_MEMORY, "no memory for %zu header fields", cap);
    }
    fields->spans = spans;
    fields->cap = cap;
    return true;
}

static void lower(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] | 0x20);
    }
}

bool http_fields_add(HttpFields *fields, Str name, Str value, Err *err)
{
    size_t size = name.len + value.len + HTTP_FIELD_OVERHEAD;
    if (size > fields->max - fields->charged)
        return fail(err, ERR_LIMIT, "header fields beyond the limit of %zu bytes", fields->max);
    if (!room_for_one(fields, err))
        return false;
    size_t at = fields->text.len;
    buf_add(&fields->text, name);
    buf_add(&fields->text, value);
    if (!buf_ok(&fields->text, err)) {
        fields->text.failed = fields->text.over_budget = false; /* what was before is whole */
        fields->text.len = at;
        return blame(err, "header fields");
    }
    if (name.len > 0)
        lower(fields->text.ptr + at, name.len);
    fields->spans[fields->count++] = (HttpFieldSpan){ .name = (uint32_t)at,
                                                      .name_len = (uint32_t)name.len,
                                                      .value = (uint32_t)(at + name.len),
                                                      .value_len = (uint32_t)value.len };
    fields->charged += size;
    return true;
}

/* Their text stays where it is until the list is cleared: spans may share it. */
void http_fields_remove(HttpFields *fields, Str lower_case_name)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        HttpField field = http_fields_at(fields, i);
        if (str_eq(field.name, lower_case_name))
            fields->charged -= field.name.len + field.value.len + HTTP_FIELD_OVERHEAD;
        else
            fields->spans[kept++] = fields->spans[i];
    }
    fields->count = kept;
}

bool http_fields_set(HttpFields *fields, Str lower_case_name, Str value, Err *err)
{
    http_fields_remove(fields, lower_case_name);
    return http_fields_add(fields, lower_case_name, value, err);
}

void http_fields_clean(HttpFields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        const HttpFieldSpan *span = &fields->spans[i];
        char *value = fields->text.ptr + span->value;
        for (size_t k = 0; k < span->value_len; k++) {
            if ((unsigned char)value[k] < ' ' || value[k] == 0x7f)
                value[k] = ' ';
        }
    }
}

HttpField http_fields_at(const HttpFields *fields, size_t i)
{
    const HttpFieldSpan *span = &fields->spans[i];
    const char *text = fields->text.ptr;
    if (!text) /* only empty fields */
        return (HttpField){ { NULL, 0 }, { NULL, 0 } };
    return (HttpField){ { text + span->name, span->name_len },
                        { text + span->value, span->value_len } };
}

Str http_fields_get(const HttpFields *fields, Str name)
{
    for (size_t i = 0; i < fields->count; i++) {
        HttpField field = http_fields_at(fields, i);
        if (str_eq(field.name, name))
            return field.value;
    }
    return (Str){ NULL, 0 };
}

/* ---- values ---- */

bool http_media_type_is(Str content_type, Str type)
{
    Str rest = content_type, essence = { NULL, 0 };
    if (!str_split(&rest, ';', &essence))
        return type.len == 0;
    return str_eq_nocase(str_trim(essence), type);
}

/* "q=0", "q=0.0" and so on: not acceptable. */
static bool weight_is_zero(Str parameters)
{
    Str part;
    while (str_split(&parameters, ';', &part)) {
        part = str_trim(part);
        if (!str_starts(part, STR("q=")) && !str_starts(part, STR("Q=")))
            continue;
        double weight;
        return str_to_double(str_skip(part, 2), &weight) && weight <= 0;
    }
    return false;
}

bool http_list_has(Str list, Str token)
{
    Str item;
    while (str_split(&list, ',', &item)) {
        Str rest = item, name = { NULL, 0 };
        if (str_split(&rest, ';', &name) && str_eq_nocase(str_trim(name), token))
            return !weight_is_zero(rest);
    }
    return false;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, years 1970 to 9999. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t shifted = month <= 2 ? month + 9 : month - 3; /* March is 0 */
    int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool number_at(Str text, size_t at, size_t len, int64_t *out)
{
    return str_to_i64(str_first(str_skip(text, at), len), out);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the one form that may be sent today. */
static bool date_parse(Str text, int64_t *out_seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t day, year, hour, minute, second, month = 0;
    if (text.len != 29 || !str_ends(text, STR(" GMT")))
        return false;
    for (int64_t i = 0; i < 12; i++) {
        if (memcmp(months + 3 * i, text.ptr + 8, 3) == 0)
            month = i + 1;
    }
    if (!month || !number_at(text, 5, 2, &day) || !number_at(text, 12, 4, &year) ||
        !number_at(text, 17, 2, &hour) || !number_at(text, 20, 2, &minute) ||
        !number_at(text, 23, 2, &second) || year < 1970)
        return false;
    *out_seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

uint32_t http_retry_after_ms(Str value, int64_t wall_now_ns)
{
    enum { MOST_SECONDS = 86400 }; /* nobody is made to wait longer than a day */
    value = str_trim(value);
    int64_t seconds;
    if (!str_to_i64(value, &seconds)) {
        if (!date_parse(value, &seconds))
            return 0;
        seconds -= wall_now_ns / NANOS_PER_SECOND;
    }
    if (seconds <= 0)
        return 0;
    return (uint32_t)(seconds > MOST_SECONDS ? MOST_SECONDS : seconds) * 1000;
}

/* ---- targets ---- */

static bool decode(Str text, bool plus_is_space, Buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            uint8_t byte;
            if (!str_unhex(str_first(str_skip(text, i + 1), 2), &byte, 1))
                return false;
            c = (char)byte;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        buf_add_byte(out, c);
    }
    return !out->failed;
}

bool http_percent_decode(Str text, Buf *out)
{
    return decode(text, false, out);
}

/* Names are compared as they stand: those that we look for need no escapes. */
bool http_query_get(Str query, Str name, size_t nth, Buf *out)
{
    Str pair;
    while (str_split(&query, '&', &pair)) {
        if (!str_starts(pair, name))
            continue;
        Str value = str_skip(pair, name.len);
        if (value.len > 0 && *value.ptr != '=')
            continue;
        if (nth-- == 0)
            return decode(str_skip(value, 1), true, out);
    }
    return false;
}

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        { 100, "Continue" },
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].status == status)
            return rows[i].text;
    }
    return "Unknown";
}
