/* logql_units.c - numbers with and without units: 1h30m, 1.5KiB, 1e3; see logql_lexer_internal.h.
 */
#include "query/logql/logql_lexer_internal.h"

#include "base/clock.h"

#include <math.h>

typedef struct Unit {
    Str name;
    double factor;
} Unit;

#define SECOND_NS 1e9
static const Unit times[] = {
    { STR_ROW("ns"), 1 },
    { STR_ROW("us"), 1e3 },
    { STR_ROW("\xc2\xb5s"), 1e3 }, /* the micro sign */
    { STR_ROW("\xce\xbcs"), 1e3 }, /* the Greek letter */
    { STR_ROW("ms"), 1e6 },
    { STR_ROW("s"), SECOND_NS },
    { STR_ROW("m"), 60 * SECOND_NS },
    { STR_ROW("h"), 3600 * SECOND_NS },
    { STR_ROW("d"), 24 * 3600 * SECOND_NS },
    { STR_ROW("w"), 7 * 24 * 3600 * SECOND_NS },
    { STR_ROW("y"), 365.0 * 24 * 3600 * SECOND_NS },
};

#define KILO 1e3
#define KIBI 1024.0
static const Unit sizes[] = {
    { STR_ROW(""), 1 },
    { STR_ROW("b"), 1 },
    { STR_ROW("kb"), KILO },
    { STR_ROW("k"), KILO },
    { STR_ROW("mb"), KILO *KILO },
    { STR_ROW("m"), KILO *KILO },
    { STR_ROW("gb"), KILO *KILO *KILO },
    { STR_ROW("g"), KILO *KILO *KILO },
    { STR_ROW("tb"), KILO *KILO *KILO *KILO },
    { STR_ROW("t"), KILO *KILO *KILO *KILO },
    { STR_ROW("pb"), KILO *KILO *KILO *KILO *KILO },
    { STR_ROW("p"), KILO *KILO *KILO *KILO *KILO },
    { STR_ROW("eb"), KILO *KILO *KILO *KILO *KILO *KILO },
    { STR_ROW("e"), KILO *KILO *KILO *KILO *KILO *KILO },
    { STR_ROW("kib"), KIBI },
    { STR_ROW("ki"), KIBI },
    { STR_ROW("mib"), KIBI *KIBI },
    { STR_ROW("mi"), KIBI *KIBI },
    { STR_ROW("gib"), KIBI *KIBI *KIBI },
    { STR_ROW("gi"), KIBI *KIBI *KIBI },
    { STR_ROW("tib"), KIBI *KIBI *KIBI *KIBI },
    { STR_ROW("ti"), KIBI *KIBI *KIBI *KIBI },
    { STR_ROW("pib"), KIBI *KIBI *KIBI *KIBI *KIBI },
    { STR_ROW("pi"), KIBI *KIBI *KIBI *KIBI *KIBI },
    { STR_ROW("eib"), KIBI *KIBI *KIBI *KIBI *KIBI *KIBI },
    { STR_ROW("ei"), KIBI *KIBI *KIBI *KIBI *KIBI *KIBI },
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with at most one point, at the front of *text, which moves behind them. */
static bool take_decimal(Str *text, double *out)
{
    size_t len = 0, points = 0, digits = 0;
    for (; len < text->len && (is_digit(text->ptr[len]) || text->ptr[len] == '.'); len++)
        text->ptr[len] == '.' ? points++ : digits++;
    Str part = str_first(*text, len);
    *text = str_skip(*text, len);
    if (digits == 0 || points > 1)
        return false;
    if (str_ends(part, STR(".")))
        part.len--;
    return logql_float(part, out);
}

static const Unit *find_unit(const Unit *units, size_t count, Str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(units[i].name, name))
            return &units[i];
    return NULL;
}

bool logql_duration(Str text, int64_t *out_ns)
{
    double total = 0;
    if (str_eq(text, STR("0")))
        return *out_ns = 0, true;
    if (text.len == 0)
        return false;
    while (text.len) {
        double part;
        if (!take_decimal(&text, &part))
            return false;
        size_t len = 0;
        while (len < text.len && !is_digit(text.ptr[len]) && text.ptr[len] != '.')
            len++;
        const Unit *unit = find_unit(times, COUNT_OF(times), str_first(text, len));
        if (!unit)
            return false;
        total += part * unit->factor;
        text = str_skip(text, len);
    }
    if (!(total < 9.2e18))
        return false;
    *out_ns = (int64_t)total;
    return true;
}

bool logql_bytes(Str text, double *out)
{
    double value;
    text = str_trim(text);
    if (!take_decimal(&text, &value))
        return false;
    text = str_trim(text);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (str_eq_nocase(sizes[i].name, text))
            return *out = value * sizes[i].factor, true;
    return false;
}

/* 0x1.8p3: a hexadecimal fraction and a decimal exponent of two, which must be there. */
static bool hex_float(Str text, double *out)
{
    double value = 0;
    int64_t exponent, scale = 0;
    size_t at = 2, digits = 0;
    bool point = false;
    for (; at < text.len && (text.ptr[at] | 0x20) != 'p'; at++) {
        uint8_t c = (uint8_t)text.ptr[at], lower = c | 0x20;
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        bool letter = lower >= 'a' && lower <= 'f';
        if (!is_digit((char)c) && !letter)
            return false;
        value = value * 16 + (letter ? lower - 'a' + 10 : c - '0');
        scale -= point ? 4 : 0;
        digits++;
    }
    Str rest = str_skip(text, at + 1);
    if (str_starts(rest, STR("+")))
        rest = str_skip(rest, 1);
    if (!digits || digits > 256 || at >= text.len || !str_to_i64(rest, &exponent) ||
        exponent > 100000 || exponent < -100000)
        return false;
    *out = ldexp(value, (int)(exponent + scale));
    return true;
}

bool logql_float(Str text, double *out)
{
    bool negative = str_starts(text, STR("-"));
    if (negative || str_starts(text, STR("+")))
        text = str_skip(text, 1);
    if (text.len == 0 || text.ptr[0] == '+' || text.ptr[0] == '-')
        return false;
    bool ok = true;
    if (str_eq_nocase(text, STR("inf")) || str_eq_nocase(text, STR("infinity")))
        *out = (double)INFINITY;
    else if (str_eq_nocase(text, STR("nan")))
        *out = (double)NAN;
    else if (text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x')
        ok = hex_float(text, out);
    else
        ok = (is_digit(text.ptr[0]) || text.ptr[0] == '.') && str_to_double(text, out);
    if (ok && negative)
        *out = -*out;
    return ok;
}
