/* json_number.c - what the letters of a JSON number are worth; see json_number.h. */
#include "codec/json_number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal in pieces: (-) whole . fraction e exponent. */
typedef struct Decimal {
    bool negative;
    Str whole, fraction;
    int64_t exponent;
    size_t len; /* of all its letters; 0: it was none */
} Decimal;

enum {
    /* Where two doubles meet, no more than 767 digits decide which is nearer; of what is beyond
     * only matters whether it is zero. */
    DIGITS_MAX = 800,
    FAST_DIGITS = 19,     /* always fit 64 bits */
    FAST_POWER = 22,      /* the largest power of ten that is exact as a double */
    EXPONENT_DIGITS = 15, /* further ones cannot matter: no text is long enough to balance them */
};

static Str digits_at(Str text, size_t at)
{
    size_t n = at;
    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
        n++;
    return (Str){ text.ptr + at, n - at };
}

static bool is_at(Str text, size_t at, char either, char other)
{
    return at < text.len && (text.ptr[at] == either || text.ptr[at] == other);
}

static int64_t exponent_of(Str digits, bool negative)
{
    int64_t value = 0;
    while (digits.len > EXPONENT_DIGITS && digits.ptr[0] == '0')
        digits = str_skip(digits, 1);
    for (size_t i = 0; i < digits.len && i < EXPONENT_DIGITS; i++)
        value = value * 10 + (digits.ptr[i] - '0');
    return negative ? -value : value;
}

static Decimal decimal_at_start(Str text)
{
    Decimal decimal = { .negative = is_at(text, 0, '-', '-') };
    size_t at = decimal.negative;
    decimal.whole = digits_at(text, at);
    if (!decimal.whole.len || (decimal.whole.len > 1 && decimal.whole.ptr[0] == '0'))
        return decimal;
    at += decimal.whole.len;
    if (is_at(text, at, '.', '.')) {
        decimal.fraction = digits_at(text, at + 1);
        if (!decimal.fraction.len)
            return decimal;
        at += 1 + decimal.fraction.len;
    }
    if (is_at(text, at, 'e', 'E')) {
        bool negative = is_at(text, at + 1, '-', '-');
        size_t sign = is_at(text, at + 1, '-', '+');
        Str digits = digits_at(text, at + 1 + sign);
        if (!digits.len)
            return decimal;
        decimal.exponent = exponent_of(digits, negative);
        at += 1 + sign + digits.len;
    }
    decimal.len = at;
    return decimal;
}

size_t json_number_length(Str text)
{
    return decimal_at_start(text).len;
}

static bool decimal_read(Str text, Decimal *out)
{
    *out = decimal_at_start(text);
    return out->len && out->len == text.len;
}

static unsigned digit_of(const Decimal *decimal, size_t i)
{
    size_t whole = decimal->whole.len;
    return (unsigned)((i < whole ? decimal->whole.ptr[i] : decimal->fraction.ptr[i - whole]) - '0');
}

/* The value without its sign, where it is whole and fits. */
static bool magnitude(const Decimal *decimal, uint64_t *out)
{
    int64_t count = (int64_t)(decimal->whole.len + decimal->fraction.len);
    int64_t point = (int64_t)decimal->whole.len + decimal->exponent;
    uint64_t value = 0;
    for (int64_t i = 0; i < count; i++) {
        unsigned digit = digit_of(decimal, (size_t)i);
        if (i >= point ? digit != 0 : value > (UINT64_MAX - digit) / 10)
            return false;
        value = i >= point ? value : value * 10 + digit;
    }
    for (int64_t i = count; i < point && value; i++) { /* zeros that the exponent brings */
        if (value > UINT64_MAX / 10)
            return false;
        value *= 10;
    }
    *out = value;
    return true;
}

bool json_number_u64(Str text, uint64_t *out)
{
    if (LIKELY(str_to_u64(text, out)))
        return true;
    Decimal decimal;
    return decimal_read(text, &decimal) && magnitude(&decimal, out) && !(decimal.negative && *out);
}

bool json_number_i64(Str text, int64_t *out)
{
    if (LIKELY(str_to_i64(text, out)))
        return true;
    Decimal decimal;
    uint64_t value;
    if (!decimal_read(text, &decimal) || !magnitude(&decimal, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + decimal.negative)
        return false;
    *out = decimal.negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* Few digits and a small power: both exact as doubles, so that one operation rounds once. */
static bool double_fast(const Decimal *decimal, int64_t power, double *out)
{
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    size_t count = decimal->whole.len + decimal->fraction.len;
    uint64_t value = 0;
    if (count > FAST_DIGITS || power > FAST_POWER || power < -FAST_POWER)
        return false;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + digit_of(decimal, i);
    if (value > UINT64_C(1) << 53)
        return false;
    *out = power < 0 ? (double)value / powers[-power] : (double)value * powers[power];
    return true;
}

/* As digits and exponent, without the point that would be a comma in some locales. */
static double double_slow(const Decimal *decimal, int64_t power)
{
    char text[DIGITS_MAX + 32];
    size_t count = decimal->whole.len + decimal->fraction.len, len = 0, first = 0;
    while (first < count && !digit_of(decimal, first))
        first++;
    size_t kept = count - first < DIGITS_MAX ? count : first + DIGITS_MAX;
    for (size_t i = first; i < kept; i++)
        text[len++] = (char)('0' + digit_of(decimal, i));
    bool more = false;
    for (size_t i = kept; i < count; i++)
        more = more || digit_of(decimal, i);
    power += (int64_t)(count - kept);
    if (more) { /* a digit behind all others says so */
        text[len++] = '1';
        power--;
    }
    if (!len)
        text[len++] = '0';
    snprintf(text + len, sizeof text - len, "e%" PRId64, power);
    return strtod(text, NULL);
}

bool json_number_double(Str text, double *out)
{
    Decimal decimal;
    if (!decimal_read(text, &decimal))
        return false;
    int64_t power = decimal.exponent - (int64_t)decimal.fraction.len;
    if (!double_fast(&decimal, power, out))
        *out = double_slow(&decimal, power);
    if (decimal.negative)
        *out = -*out;
    return isfinite(*out);
}
