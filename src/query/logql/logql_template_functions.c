/* logql_template_functions.c - what templates can call, as a table; see logql_template_internal.h.
 *
 * Names and order of arguments are those of Go's templates and of Sprig, as Loki has them. Numbers
 * in texts are converted where a number is wanted; what is none counts as 0, as there.
 */
#include "query/logql/logql_template_internal.h"

#include "query/logql/logql_lexer_internal.h"

#include "base/clock.h"
#include "codec/float_text.h"
#include "codec/json.h"
#include "codec/json_reader.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MADE_MAX = 1 << 20, WIDTH_MAX = 4096 };
#define ERROR STR("TemplateFormatErr")

/* ---- values -------------------------------------------------------------------------------------
 */

/* The text moves into the scratch of the line. */
static bool give(LogqlRow *row, Buf *text, TemplateValue *out)
{
    bool fits = !text->over_max;
    if (!fits)
        row_mark(row, ERROR, "more than %d bytes", MADE_MAX);
    else if (!buf_ok(text, &row->err))
        row->failed = true;
    *out = (TemplateValue){ .text = STR("") };
    bool ok = fits && row_copy(row, buf_str(text), &out->text);
    buf_free(text);
    return ok;
}

Str template_text(LogqlRow *row, const TemplateValue *value)
{
    char text[FLOAT_TEXT_SIZE]; /* and larger than TIME_TEXT_SIZE */
    Str made = { text, 0 }, copy;
    switch (value->kind) {
    case T_TEXT: return value->text;
    case T_BOOL: return value->boolean ? STR("true") : STR("false");
    case T_INT: made.len = (size_t)snprintf(text, sizeof text, "%" PRId64, value->integer); break;
    case T_FLOAT: made.len = float_text(value->real, FLOAT_ANSWER, text); break;
    case T_TIME: made = str_from(time_text(value->integer, text)); break;
    }
    return row_copy(row, made, &copy) ? copy : STR("");
}

bool template_truth(const TemplateValue *value)
{
    switch (value->kind) {
    case T_TEXT: return value->text.len > 0;
    case T_BOOL: return value->boolean;
    case T_INT: return value->integer != 0;
    case T_FLOAT: return value->real != 0;
    case T_TIME: return true;
    }
    return false;
}

static double to_float(const TemplateValue *value)
{
    double number;
    switch (value->kind) {
    case T_TEXT: return logql_float(str_trim(value->text), &number) ? number : 0;
    case T_BOOL: return value->boolean;
    case T_FLOAT: return value->real;
    case T_INT:
    case T_TIME: break;
    }
    return (double)value->integer;
}

static int64_t to_int(const TemplateValue *value)
{
    int64_t integer;
    if (value->kind == T_INT || value->kind == T_TIME)
        return value->integer;
    if (value->kind == T_TEXT && str_to_i64(str_trim(value->text), &integer))
        return integer;
    double number = to_float(value);
    return fabs(number) < 9.2e18 ? (int64_t)number : 0;
}

static Str text_at(LogqlRow *row, const TemplateCall *call, size_t i)
{
    return template_text(row, &call->values[i]);
}

static bool give_text(Str text, TemplateValue *out)
{
    *out = (TemplateValue){ .text = text };
    return true;
}
static bool give_bool(bool boolean, TemplateValue *out)
{
    *out = (TemplateValue){ .kind = T_BOOL, .boolean = boolean };
    return true;
}
static bool give_int(int64_t integer, TemplateValue *out)
{
    *out = (TemplateValue){ .kind = T_INT, .integer = integer };
    return true;
}
static bool give_float(double real, TemplateValue *out)
{
    *out = (TemplateValue){ .kind = T_FLOAT, .real = real };
    return true;
}

/* ---- the line and its time ----------------------------------------------------------------------
 */

static bool call_line(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)call;
    return give_text(row->line, out);
}

static bool call_timestamp(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)call;
    *out = (TemplateValue){ .kind = T_TIME, .integer = row->time_ns };
    return true;
}

/* unixEpoch, unixEpochMillis, unixEpochNanos: text, as in Loki. */
static bool epoch(LogqlRow *row, const TemplateCall *call, int64_t unit, TemplateValue *out)
{
    Buf text = BUF(MADE_MAX);
    buf_addf(&text, "%" PRId64, to_int(&call->values[0]) / unit);
    return give(row, &text, out);
}
static bool call_epoch(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return epoch(row, call, NANOS_PER_SECOND, out);
}
static bool call_epoch_millis(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return epoch(row, call, NANOS_PER_MILLI, out);
}
static bool call_epoch_nanos(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return epoch(row, call, 1, out);
}

/* ---- texts --------------------------------------------------------------------------------------
 */

static bool fold(LogqlRow *row, Str text, bool upper, TemplateValue *out)
{
    Buf made = BUF(MADE_MAX);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        buf_add_byte(&made, letter ? (char)(c ^ 0x20) : c);
    }
    return give(row, &made, out);
}
static bool call_lower(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return fold(row, text_at(row, call, 0), false, out);
}
static bool call_upper(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return fold(row, text_at(row, call, 0), true, out);
}

static Str cut_set(Str text, Str set, bool left, bool right)
{
    while (left && text.len && set.len && memchr(set.ptr, text.ptr[0], set.len))
        text = str_skip(text, 1);
    while (right && text.len && set.len && memchr(set.ptr, text.ptr[text.len - 1], set.len))
        text.len--;
    return text;
}
static bool call_trim(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(str_trim(text_at(row, call, 0)), out);
}
static bool call_trim_all(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(cut_set(text_at(row, call, 1), text_at(row, call, 0), true, true), out);
}
static bool call_trim_set(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(cut_set(text_at(row, call, 0), text_at(row, call, 1), true, true), out);
}
static bool call_trim_left(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(cut_set(text_at(row, call, 0), text_at(row, call, 1), true, false), out);
}
static bool call_trim_right(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(cut_set(text_at(row, call, 0), text_at(row, call, 1), false, true), out);
}

static Str without_prefix(Str text, Str prefix)
{
    return str_starts(text, prefix) ? str_skip(text, prefix.len) : text;
}
static Str without_suffix(Str text, Str suffix)
{
    return str_ends(text, suffix) ? str_first(text, text.len - suffix.len) : text;
}
static bool call_prefix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(without_prefix(text_at(row, call, 1), text_at(row, call, 0)), out);
}
static bool call_suffix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(without_suffix(text_at(row, call, 1), text_at(row, call, 0)), out);
}
static bool call_prefix_old(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(without_prefix(text_at(row, call, 0), text_at(row, call, 1)), out);
}
static bool call_suffix_old(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_text(without_suffix(text_at(row, call, 0), text_at(row, call, 1)), out);
}

/* trunc 5 text; a negative length takes from the end. */
static bool call_trunc(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    int64_t count = to_int(&call->values[0]);
    Str text = text_at(row, call, 1);
    int64_t len = (int64_t)text.len;
    if (count < 0)
        return give_text(-count < len ? str_skip(text, (size_t)(len + count)) : text, out);
    return give_text(count < len ? str_first(text, (size_t)count) : text, out);
}

/* substr start end text */
static bool call_substr(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = text_at(row, call, 2);
    int64_t len = (int64_t)text.len;
    int64_t start = to_int(&call->values[0]), end = to_int(&call->values[1]);
    start = start < 0 ? 0 : start > len ? len : start;
    end = end < 0 || end > len ? len : end;
    end = end < start ? start : end;
    return give_text((Str){ text.ptr + start, (size_t)(end - start) }, out);
}

static bool replace(LogqlRow *row, const Str texts[3], int64_t times, TemplateValue *out)
{
    Buf made = BUF(MADE_MAX);
    Str text = texts[0], old = texts[1];
    while (old.len && text.len && times != 0) {
        const char *at = memmem(text.ptr, text.len, old.ptr, old.len);
        if (!at)
            break;
        size_t len = (size_t)(at - text.ptr);
        buf_add(&made, str_first(text, len));
        buf_add(&made, texts[2]);
        text = str_skip(text, len + old.len);
        times--;
    }
    buf_add(&made, text);
    return give(row, &made, out);
}
/* replace old new text */
static bool call_replace(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    const Str texts[] = { text_at(row, call, 2), text_at(row, call, 0), text_at(row, call, 1) };
    return replace(row, texts, -1, out);
}
/* Replace text old new times */
static bool call_replace_old(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    const Str texts[] = { text_at(row, call, 0), text_at(row, call, 1), text_at(row, call, 2) };
    return replace(row, texts, to_int(&call->values[3]), out);
}

static bool call_repeat(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Buf made = BUF(MADE_MAX);
    Str text = text_at(row, call, 1);
    int64_t times = to_int(&call->values[0]);
    for (int64_t i = 0; i < times && text.len && !made.failed; i++)
        buf_add(&made, text);
    return give(row, &made, out);
}

static size_t count_letters(Str text)
{
    size_t count = 0;
    for (; text.len; count++) {
        size_t step = utf8_step(text);
        text = str_skip(text, step ? step : 1);
    }
    return count;
}

/* Cut or filled with spaces to so many letters. */
static bool align(LogqlRow *row, const TemplateCall *call, bool left, TemplateValue *out)
{
    int64_t width = to_int(&call->values[0]);
    Str text = text_at(row, call, 1);
    size_t letters = count_letters(text);
    Buf made = BUF(MADE_MAX);
    if (width < 0 || width > WIDTH_MAX) {
        row_mark(row, ERROR, "a width of %" PRId64, width);
        return false;
    }
    size_t wanted = (size_t)width, fill = wanted > letters ? wanted - letters : 0;
    size_t skip = !left && letters > wanted ? letters - wanted : 0, taken = 0;
    for (size_t i = 0; !left && i < fill; i++)
        buf_add_byte(&made, ' ');
    while (text.len && taken < wanted + skip) {
        size_t step = utf8_step(text);
        step = step ? step : 1;
        if (taken++ >= skip)
            buf_add(&made, str_first(text, step));
        text = str_skip(text, step);
    }
    for (size_t i = 0; left && i < fill; i++)
        buf_add_byte(&made, ' ');
    return give(row, &made, out);
}
static bool call_align_left(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return align(row, call, true, out);
}
static bool call_align_right(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return align(row, call, false, out);
}

static bool indent(LogqlRow *row, const TemplateCall *call, bool on_new_line, TemplateValue *out)
{
    int64_t width = to_int(&call->values[0]);
    Str text = text_at(row, call, 1);
    Buf made = BUF(MADE_MAX);
    bool fresh = true;
    width = width < 0 ? 0 : width > WIDTH_MAX ? WIDTH_MAX : width;
    if (on_new_line)
        buf_add_byte(&made, '\n');
    for (size_t i = 0; i <= text.len && !made.failed; i++) {
        for (int64_t k = 0; fresh && k < width; k++)
            buf_add_byte(&made, ' ');
        if (i < text.len)
            buf_add_byte(&made, text.ptr[i]);
        fresh = i < text.len && text.ptr[i] == '\n';
    }
    return give(row, &made, out);
}
static bool call_indent(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return indent(row, call, false, out);
}
static bool call_nindent(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return indent(row, call, true, out);
}

/* ---- encodings ----------------------------------------------------------------------------------
 */

static bool is_plain(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || strchr("-_.~", c);
}

static bool call_urlencode(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = text_at(row, call, 0);
    Buf made = BUF(MADE_MAX);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] && is_plain(text.ptr[i]))
            buf_add_byte(&made, text.ptr[i]);
        else if (text.ptr[i] == ' ')
            buf_add_byte(&made, '+');
        else
            buf_addf(&made, "%%%02X", (unsigned)(uint8_t)text.ptr[i]);
    return give(row, &made, out);
}

static bool call_urldecode(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = text_at(row, call, 0);
    Buf made = BUF(MADE_MAX);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte;
        if (text.ptr[i] != '%') {
            buf_add_byte(&made, text.ptr[i] == '+' ? ' ' : text.ptr[i]);
        } else if (i + 2 < text.len && str_unhex((Str){ text.ptr + i + 1, 2 }, &byte, 1)) {
            buf_add_byte(&made, (char)byte);
            i += 2;
        } else {
            row_mark(row, ERROR, "invalid URL escape");
            buf_free(&made);
            return false;
        }
    }
    return give(row, &made, out);
}

static bool call_b64enc(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Buf made = BUF(MADE_MAX);
    JsonWriter json = json_writer(&made);
    json_base64(&json, text_at(row, call, 0));
    if (!give(row, &made, out))
        return false;
    out->text = cut_set(out->text, STR("\""), true, true);
    return true;
}

static bool call_b64dec(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Buf made = BUF(MADE_MAX);
    if (!json_unbase64(text_at(row, call, 0), &made) && !made.failed) {
        buf_free(&made);
        row_mark(row, ERROR, "illegal base64 data");
        return false;
    }
    return give(row, &made, out);
}

/* ---- questions ----------------------------------------------------------------------------------
 */

static bool call_contains(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(str_contains(text_at(row, call, 1), text_at(row, call, 0)), out);
}
static bool call_has_prefix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(str_starts(text_at(row, call, 1), text_at(row, call, 0)), out);
}
static bool call_has_suffix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(str_ends(text_at(row, call, 1), text_at(row, call, 0)), out);
}

/* Numbers as numbers where neither is a text, all else as texts. */
static int compare(LogqlRow *row, const TemplateCall *call, size_t i)
{
    const TemplateValue *a = &call->values[0], *b = &call->values[i];
    if (a->kind != T_TEXT && b->kind != T_TEXT) {
        double left = to_float(a), right = to_float(b);
        return (left > right) - (left < right);
    }
    return str_compare(template_text(row, a), template_text(row, b));
}
static bool call_eq(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    bool equal = false;
    for (size_t i = 1; i < call->count; i++)
        equal = equal || compare(row, call, i) == 0;
    return give_bool(equal, out);
}
static bool call_ne(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(compare(row, call, 1) != 0, out);
}
static bool call_lt(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(compare(row, call, 1) < 0, out);
}
static bool call_le(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(compare(row, call, 1) <= 0, out);
}
static bool call_gt(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(compare(row, call, 1) > 0, out);
}
static bool call_ge(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_bool(compare(row, call, 1) >= 0, out);
}
/* The first that decides, else the last, as in Go. */
static bool decide(const TemplateCall *call, bool wanted, TemplateValue *out)
{
    size_t i = 0;
    while (i + 1 < call->count && template_truth(&call->values[i]) != wanted)
        i++;
    *out = call->values[i];
    return true;
}
static bool call_and(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return decide(call, false, out);
}
static bool call_or(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return decide(call, true, out);
}
static bool call_not(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return give_bool(!template_truth(&call->values[0]), out);
}
static bool call_default(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    *out = call->values[template_truth(&call->values[1]) ? 1 : 0];
    return true;
}
static bool call_len(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return give_int((int64_t)text_at(row, call, 0).len, out);
}

/* ---- numbers ------------------------------------------------------------------------------------
 */

static bool call_add(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    uint64_t sum = 0;
    (void)row;
    for (size_t i = 0; i < call->count; i++)
        sum += (uint64_t)to_int(&call->values[i]);
    return give_int((int64_t)sum, out);
}
static bool call_sub(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return give_int((int64_t)((uint64_t)to_int(&call->values[0]) -
                              (uint64_t)to_int(&call->values[1])),
                    out);
}
static bool call_mul(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    uint64_t product = 1;
    (void)row;
    for (size_t i = 0; i < call->count; i++)
        product *= (uint64_t)to_int(&call->values[i]);
    return give_int((int64_t)product, out);
}
static bool divide(LogqlRow *row, const TemplateCall *call, bool rest, TemplateValue *out)
{
    int64_t left = to_int(&call->values[0]), right = to_int(&call->values[1]);
    if (right == 0 || (left == INT64_MIN && right == -1)) {
        row_mark(row, ERROR, "integer divide by zero");
        return false;
    }
    return give_int(rest ? left % right : left / right, out);
}
static bool call_div(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return divide(row, call, false, out);
}
static bool call_mod(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return divide(row, call, true, out);
}

static double addf(double a, double b)
{
    return a + b;
}
static double subf(double a, double b)
{
    return a - b;
}
static double mulf(double a, double b)
{
    return a * b;
}
static double divf(double a, double b)
{
    return a / b;
}
static bool fold_floats(const TemplateCall *call, double (*step)(double a, double b),
                        TemplateValue *out)
{
    double value = to_float(&call->values[0]);
    for (size_t i = 1; i < call->count; i++)
        value = step(value, to_float(&call->values[i]));
    return give_float(value, out);
}
static bool call_addf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, addf, out);
}
static bool call_subf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, subf, out);
}
static bool call_mulf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, mulf, out);
}
static bool call_divf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, divf, out);
}
static bool call_minf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, fmin, out);
}
static bool call_maxf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, fmax, out);
}
static bool extreme(const TemplateCall *call, bool largest, TemplateValue *out)
{
    int64_t value = to_int(&call->values[0]);
    for (size_t i = 1; i < call->count; i++) {
        int64_t next = to_int(&call->values[i]);
        value = (next > value) == largest ? next : value;
    }
    return give_int(value, out);
}
static bool call_min(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return extreme(call, false, out);
}
static bool call_max(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return extreme(call, true, out);
}
static bool call_ceil(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return give_float(ceil(to_float(&call->values[0])), out);
}
static bool call_floor(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return give_float(floor(to_float(&call->values[0])), out);
}
static bool call_round(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    int64_t digits = call->count > 1 ? to_int(&call->values[1]) : 0;
    double unit = pow(10, (double)(digits < 0 ? 0 : digits > 18 ? 18 : digits));
    return give_float(round(to_float(&call->values[0]) * unit) / unit, out);
}
static bool call_int(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return give_int(to_int(&call->values[0]), out);
}
static bool call_float64(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return give_float(to_float(&call->values[0]), out);
}
static bool call_bytes(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    double bytes;
    Str text = text_at(row, call, 0);
    if (logql_bytes(text, &bytes))
        return give_float(bytes, out);
    row_mark(row, ERROR, "'%.*s' is no size", STR_ARG(str_first(text, 60)));
    return false;
}
static bool call_duration(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    int64_t nanos;
    Str text = text_at(row, call, 0);
    if (duration_parse(text, &nanos))
        return give_float((double)nanos / (double)NANOS_PER_SECOND, out);
    row_mark(row, ERROR, "'%.*s' is no duration", STR_ARG(str_first(text, 60)));
    return false;
}

/* ---- regular expressions ------------------------------------------------------------------------
 */

static bool call_count(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = text_at(row, call, 1), group;
    int64_t count = 0;
    while (regex_find(call->regex, text, &group, 1)) {
        count++;
        size_t end = (size_t)(group.ptr + group.len - text.ptr) + (group.len == 0);
        if (end > text.len || text.len == 0)
            break;
        text = str_skip(text, end);
    }
    return give_int(count, out);
}

/* Each match is looked for in what is left, so ^ matches there again; RE2 has no other way here. */
static bool regex_replace(LogqlRow *row, const TemplateCall *call, bool literal, TemplateValue *out)
{
    Buf made = BUF(MADE_MAX);
    Str text = text_at(row, call, 1), with = text_at(row, call, 2);
    Str groups[REGEX_GROUPS_MAX] = { { 0 } };
    while (!made.failed && regex_find(call->regex, text, groups, REGEX_GROUPS_MAX)) {
        size_t before = (size_t)(groups[0].ptr - text.ptr);
        buf_add(&made, str_first(text, before));
        if (literal)
            buf_add(&made, with);
        else
            logql_expand(call->regex, with, groups, &made);
        text = str_skip(text, before + groups[0].len);
        if (text.len == 0)
            break;
        if (groups[0].len == 0) {
            buf_add(&made, str_first(text, 1));
            text = str_skip(text, 1);
        }
    }
    buf_add(&made, text);
    return give(row, &made, out);
}
static bool call_regex_replace(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return regex_replace(row, call, false, out);
}
static bool call_regex_literal(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return regex_replace(row, call, true, out);
}

/* ---- printf -------------------------------------------------------------------------------------
 */

/* %-08.3f: what stands between the sign and the verb. */
typedef struct Verb {
    bool left, zeros, plus;
    int width, precision; /* precision -1: none */
    char letter;
} Verb;

static int take_count(Str *text)
{
    int count = 0;
    while (text->len && text->ptr[0] >= '0' && text->ptr[0] <= '9') {
        count = count < WIDTH_MAX ? count * 10 + (text->ptr[0] - '0') : WIDTH_MAX;
        *text = str_skip(*text, 1);
    }
    return count < WIDTH_MAX ? count : WIDTH_MAX;
}

static Verb take_verb(Str *text)
{
    Verb verb = { .precision = -1 };
    for (; text->len && strchr("-0+ #", text->ptr[0]); *text = str_skip(*text, 1)) {
        verb.left = verb.left || text->ptr[0] == '-';
        verb.zeros = verb.zeros || text->ptr[0] == '0';
        verb.plus = verb.plus || text->ptr[0] == '+';
    }
    verb.width = take_count(text);
    if (str_starts(*text, STR("."))) {
        *text = str_skip(*text, 1);
        verb.precision = take_count(text);
    }
    verb.letter = text->len ? text->ptr[0] : '%';
    *text = str_skip(*text, text->len ? 1 : 0);
    return verb;
}

static void add_padded(Buf *out, const Verb *verb, Str text)
{
    size_t letters = count_letters(text);
    size_t fill = (size_t)verb->width > letters ? (size_t)verb->width - letters : 0;
    bool zeros = verb->zeros && !verb->left && !strchr("svqt", verb->letter);
    if (zeros && text.len && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        buf_add_byte(out, text.ptr[0]);
        text = str_skip(text, 1);
    }
    for (size_t i = 0; !verb->left && i < fill; i++)
        buf_add_byte(out, zeros ? '0' : ' ');
    buf_add(out, text);
    for (size_t i = 0; verb->left && i < fill; i++)
        buf_add_byte(out, ' ');
}

static void add_number(Buf *out, const Verb *verb, const TemplateValue *value)
{
    int precision = verb->precision < 0 ? 6 : verb->precision;
    const char *plus = verb->plus ? "+" : "";
    char general[FLOAT_TEXT_SIZE];
    Buf text = BUF(MADE_MAX);
    double real = to_float(value);
    switch (verb->letter) {
    case 'd': buf_addf(&text, "%s%" PRId64, to_int(value) < 0 ? "" : plus, to_int(value)); break;
    case 'x': buf_addf(&text, "%" PRIx64, (uint64_t)to_int(value)); break;
    case 'e': buf_addf(&text, "%s%.*e", real < 0 ? "" : plus, precision, real); break;
    case 'f': buf_addf(&text, "%s%.*f", real < 0 ? "" : plus, precision, real); break;
    default:
        if (verb->precision >= 0)
            buf_addf(&text, "%.*g", precision, real);
        else
            buf_add(&text, (Str){ general, float_text(real, FLOAT_ANSWER, general) });
    }
    out->failed = out->failed || text.failed;
    add_padded(out, verb, buf_str(&text));
    buf_free(&text);
}

static void add_quoted(Buf *out, Str text)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        static const char plain[] = "\"\\\n\t\r", letters[] = "\"\\ntr";
        const char *at = text.ptr[i] ? strchr(plain, text.ptr[i]) : NULL;
        if (at) {
            buf_add_byte(out, '\\');
            buf_add_byte(out, letters[at - plain]);
        } else if ((uint8_t)text.ptr[i] < 0x20) {
            buf_addf(out, "\\x%02x", (unsigned)(uint8_t)text.ptr[i]);
        } else {
            buf_add_byte(out, text.ptr[i]);
        }
    }
    buf_add_byte(out, '"');
}

static bool add_verb(LogqlRow *row, Buf *out, const Verb *verb, const TemplateValue *value)
{
    Str text = template_text(row, value);
    if (verb->letter == 's' || verb->letter == 'v' || verb->letter == 't') {
        if (verb->precision >= 0)
            text = str_first(text, (size_t)verb->precision);
        add_padded(out, verb, text);
    } else if (verb->letter == 'q') {
        add_quoted(out, text);
    } else if (strchr("dxefg", verb->letter)) {
        add_number(out, verb, value);
    } else {
        row_mark(row, ERROR, "printf: %%%c is not supported", verb->letter);
        return false;
    }
    return true;
}

/* A value that is missing or left over is written as Go does. */
static bool call_printf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str format = text_at(row, call, 0);
    Buf made = BUF(MADE_MAX);
    size_t next = 1;
    bool ok = true;
    while (ok && format.len) {
        char c = format.ptr[0];
        format = str_skip(format, 1);
        if (c != '%') {
            buf_add_byte(&made, c);
            continue;
        }
        Verb verb = take_verb(&format);
        if (verb.letter == '%')
            buf_add_byte(&made, '%');
        else if (next >= call->count)
            buf_addf(&made, "%%!%c(MISSING)", verb.letter);
        else
            ok = add_verb(row, &made, &verb, &call->values[next++]);
    }
    if (ok)
        return give(row, &made, out);
    buf_free(&made);
    return false;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

enum { MANY = TEMPLATE_ARGUMENTS_MAX };

static const TemplateFunction functions[] = {
    { STR_ROW("__line__"), 0, 0, call_line },
    { STR_ROW("__timestamp__"), 0, 0, call_timestamp },
    { STR_ROW("unixEpoch"), 1, 1, call_epoch },
    { STR_ROW("unixEpochMillis"), 1, 1, call_epoch_millis },
    { STR_ROW("unixEpochNanos"), 1, 1, call_epoch_nanos },
    { STR_ROW("lower"), 1, 1, call_lower },
    { STR_ROW("ToLower"), 1, 1, call_lower },
    { STR_ROW("upper"), 1, 1, call_upper },
    { STR_ROW("ToUpper"), 1, 1, call_upper },
    { STR_ROW("trim"), 1, 1, call_trim },
    { STR_ROW("TrimSpace"), 1, 1, call_trim },
    { STR_ROW("trimAll"), 2, 2, call_trim_all },
    { STR_ROW("Trim"), 2, 2, call_trim_set },
    { STR_ROW("TrimLeft"), 2, 2, call_trim_left },
    { STR_ROW("TrimRight"), 2, 2, call_trim_right },
    { STR_ROW("trimPrefix"), 2, 2, call_prefix },
    { STR_ROW("trimSuffix"), 2, 2, call_suffix },
    { STR_ROW("TrimPrefix"), 2, 2, call_prefix_old },
    { STR_ROW("TrimSuffix"), 2, 2, call_suffix_old },
    { STR_ROW("trunc"), 2, 2, call_trunc },
    { STR_ROW("substr"), 3, 3, call_substr },
    { STR_ROW("replace"), 3, 3, call_replace },
    { STR_ROW("Replace"), 4, 4, call_replace_old },
    { STR_ROW("repeat"), 2, 2, call_repeat },
    { STR_ROW("alignLeft"), 2, 2, call_align_left },
    { STR_ROW("alignRight"), 2, 2, call_align_right },
    { STR_ROW("indent"), 2, 2, call_indent },
    { STR_ROW("nindent"), 2, 2, call_nindent },
    { STR_ROW("urlencode"), 1, 1, call_urlencode },
    { STR_ROW("urldecode"), 1, 1, call_urldecode },
    { STR_ROW("b64enc"), 1, 1, call_b64enc },
    { STR_ROW("b64dec"), 1, 1, call_b64dec },
    { STR_ROW("contains"), 2, 2, call_contains },
    { STR_ROW("hasPrefix"), 2, 2, call_has_prefix },
    { STR_ROW("hasSuffix"), 2, 2, call_has_suffix },
    { STR_ROW("eq"), 2, MANY, call_eq },
    { STR_ROW("ne"), 2, 2, call_ne },
    { STR_ROW("lt"), 2, 2, call_lt },
    { STR_ROW("le"), 2, 2, call_le },
    { STR_ROW("gt"), 2, 2, call_gt },
    { STR_ROW("ge"), 2, 2, call_ge },
    { STR_ROW("and"), 1, MANY, call_and },
    { STR_ROW("or"), 1, MANY, call_or },
    { STR_ROW("not"), 1, 1, call_not },
    { STR_ROW("default"), 2, 2, call_default },
    { STR_ROW("len"), 1, 1, call_len },
    { STR_ROW("add"), 1, MANY, call_add },
    { STR_ROW("sub"), 2, 2, call_sub },
    { STR_ROW("mul"), 1, MANY, call_mul },
    { STR_ROW("div"), 2, 2, call_div },
    { STR_ROW("mod"), 2, 2, call_mod },
    { STR_ROW("addf"), 1, MANY, call_addf },
    { STR_ROW("subf"), 1, MANY, call_subf },
    { STR_ROW("mulf"), 1, MANY, call_mulf },
    { STR_ROW("divf"), 1, MANY, call_divf },
    { STR_ROW("min"), 1, MANY, call_min },
    { STR_ROW("max"), 1, MANY, call_max },
    { STR_ROW("minf"), 1, MANY, call_minf },
    { STR_ROW("maxf"), 1, MANY, call_maxf },
    { STR_ROW("ceil"), 1, 1, call_ceil },
    { STR_ROW("floor"), 1, 1, call_floor },
    { STR_ROW("round"), 1, 2, call_round },
    { STR_ROW("int"), 1, 1, call_int },
    { STR_ROW("float64"), 1, 1, call_float64 },
    { STR_ROW("bytes"), 1, 1, call_bytes },
    { STR_ROW("duration"), 1, 1, call_duration },
    { STR_ROW("duration_seconds"), 1, 1, call_duration },
    { STR_ROW("count"), 2, 2, call_count },
    { STR_ROW("regexReplaceAll"), 3, 3, call_regex_replace },
    { STR_ROW("regexReplaceAllLiteral"), 3, 3, call_regex_literal },
    { STR_ROW("printf"), 1, MANY, call_printf },
};

const TemplateFunction *template_function(Str name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (str_eq(functions[i].name, name))
            return &functions[i];
    return NULL;
}

bool template_takes_regex(const TemplateFunction *function)
{
    return function->call == call_count || function->call == call_regex_replace ||
           function->call == call_regex_literal;
}
