/* float_text.c - see float_text.h.
 *
 * A number goes through its decimal digits d1 d2 ... dn and a point behind the `point`-th of them.
 * Whole numbers below 2^53 are their own shortest text. A normal double that has a text of at most
 * 15 digits is recovered from 15; else 16 or 17 are needed. Denormal ones are tried from one digit
 * on. Where the mantissa is a power of two, the doubles below lie closer than those above: then the
 * next text above may be shorter than the nearest one.
 */
#include "codec/float_text.h"

#include "codec/json_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 17, WHOLE_DIGITS = 20 };

typedef struct Digits {
    char text[WHOLE_DIGITS + 1];
    int count;
    int point;
} Digits;

static void drop_zeros(Digits *digits)
{
    while (digits->count > 1 && digits->text[digits->count - 1] == '0')
        digits->count--;
}

static void whole_digits(double value, Digits *digits)
{
    digits->count = snprintf(digits->text, sizeof digits->text, "%llu", (unsigned long long)value);
    digits->point = digits->count;
    drop_zeros(digits);
}

/* The nearest text of so many digits. */
static void nearest_digits(double value, int count, Digits *digits)
{
    char text[DIGITS_MAX + 16]; /* 1.2345e-308, the point in whatever way the locale has it */
    int len = snprintf(text, sizeof text, "%.*e", count - 1, value);
    const char *exponent = memchr(text, 'e', (size_t)len);
    digits->count = 0;
    for (const char *at = text; at < exponent; at++)
        if (*at >= '0' && *at <= '9' && digits->count < count)
            digits->text[digits->count++] = *at;
    digits->point = (int)strtol(exponent + 1, NULL, 10) + 1;
}

static bool reads_as(const Digits *digits, double value)
{
    char text[WHOLE_DIGITS + 16];
    int len = snprintf(text, sizeof text, "%.*se%d", digits->count, digits->text,
                       digits->point - digits->count);
    double back;
    return json_number_double((Str){ text, (size_t)len }, &back) && back == value;
}

static void step_up(Digits *digits)
{
    int at = digits->count - 1;
    while (at >= 0 && digits->text[at] == '9')
        digits->text[at--] = '0';
    if (at >= 0) {
        digits->text[at]++;
        return;
    }
    digits->text[0] = '1'; /* 999 becomes 1000: its zeros are dropped anyway */
    digits->point++;
}

static void shortest_digits(double value, Digits *digits)
{
    int power;
    bool lopsided = frexp(value, &power) == 0.5;
    for (int count = value < DBL_MIN ? 1 : 15;; count++) {
        nearest_digits(value, count, digits);
        if (count >= DIGITS_MAX || reads_as(digits, value))
            break;
        if (lopsided) {
            step_up(digits);
            if (reads_as(digits, value))
                break;
        }
    }
    drop_zeros(digits);
}

static char *put(char *out, const char *text, int count)
{
    memcpy(out, text, (size_t)count);
    return out + count;
}

static char *put_zeros(char *out, int count)
{
    if (count > 0)
        memset(out, '0', (size_t)count);
    return out + (count > 0 ? count : 0);
}

static char *put_fixed(char *out, const Digits *digits, bool fraction)
{
    int whole = digits->point < digits->count ? digits->point : digits->count;
    if (digits->point <= 0) {
        out = put(out, "0.", 2);
        out = put_zeros(out, -digits->point);
        return put(out, digits->text, digits->count);
    }
    out = put(out, digits->text, whole);
    out = put_zeros(out, digits->point - whole);
    if (whole < digits->count) {
        *out++ = '.';
        return put(out, digits->text + whole, digits->count - whole);
    }
    return fraction ? put(out, ".0", 2) : out;
}

static char *put_exponent(char *out, const Digits *digits)
{
    int exponent = digits->point - 1;
    *out++ = digits->text[0];
    if (digits->count > 1) {
        *out++ = '.';
        out = put(out, digits->text + 1, digits->count - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    int size = abs(exponent);
    if (size >= 100)
        *out++ = (char)('0' + size / 100);
    *out++ = (char)('0' + size / 10 % 10);
    *out++ = (char)('0' + size % 10);
    return out;
}

static bool has_exponent(FloatForm form, int exponent)
{
    switch (form) {
    case FLOAT_FIXED: return false;
    case FLOAT_ANSWER: return exponent < -6 || exponent >= 21;
    case FLOAT_GENERAL:
    case FLOAT_METRICS: return exponent < -4 || exponent >= 6;
    }
    return false;
}

static size_t put_name(const char *name, char *out)
{
    return (size_t)(put(out, name, (int)strlen(name)) - out);
}

size_t float_text(double value, FloatForm form, char out[FLOAT_TEXT_SIZE])
{
    if (isnan(value))
        return put_name("NaN", out);
    if (isinf(value))
        return put_name(value > 0 ? "+Inf" : "-Inf", out);
    char *at = out;
    if (signbit(value))
        *at++ = '-';
    value = fabs(value);
    Digits digits;
    if (value < 0x1p53 && value == floor(value))
        whole_digits(value, &digits);
    else
        shortest_digits(value, &digits);
    if (value != 0 && has_exponent(form, digits.point - 1))
        at = put_exponent(at, &digits);
    else
        at = put_fixed(at, &digits, form == FLOAT_METRICS);
    return (size_t)(at - out);
}

void buf_add_float(Buf *buf, double value, FloatForm form)
{
    char text[FLOAT_TEXT_SIZE];
    buf_add(buf, (Str){ text, float_text(value, form, text) });
}
