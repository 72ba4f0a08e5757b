/* clock.c - the machine's clock, a test's clock, and how times and durations are written. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NANOS_PER_SECOND + now.tv_nsec;
}

static int64_t system_wall(Clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(Clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

Clock *clock_system(void)
{
    static Clock machine = { system_wall, system_mono };
    return &machine;
}

static int64_t test_wall(Clock *clock)
{
    return ((TestClock *)clock)->wall;
}
static int64_t test_mono(Clock *clock)
{
    return ((TestClock *)clock)->mono;
}

void test_clock_init(TestClock *clock, int64_t wall_ns)
{
    *clock = (TestClock){ .base = { test_wall, test_mono }, .wall = wall_ns, .mono = 1 };
}

void test_clock_advance(TestClock *clock, int64_t by_ns)
{
    clock->wall += by_ns;
    clock->mono += by_ns;
}

void clock_sleep_ns(int64_t duration_ns)
{
    if (duration_ns <= 0)
        return;
    struct timespec left = { .tv_sec = (time_t)(duration_ns / NANOS_PER_SECOND),
                             .tv_nsec = (long)(duration_ns % NANOS_PER_SECOND) };
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        continue;
}

const char *time_text(int64_t wall_ns, char out[TIME_TEXT_SIZE])
{
    int64_t seconds = wall_ns / NANOS_PER_SECOND, nanos = wall_ns % NANOS_PER_SECOND;
    if (nanos < 0) {
        nanos += NANOS_PER_SECOND;
        seconds--;
    }
    time_t at = (time_t)seconds;
    struct tm utc;
    gmtime_r(&at, &utc);
    size_t n = strftime(out, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, TIME_TEXT_SIZE - n, ".%09dZ", (int)nanos);
    return out;
}

static const struct {
    Str name;
    int64_t nanos;
} units[] = {
    { STR_ROW("ns"), 1 },
    { STR_ROW("us"), NANOS_PER_MICRO },
    { STR_ROW("\xC2\xB5s"), NANOS_PER_MICRO },
    { STR_ROW("ms"), NANOS_PER_MILLI },
    { STR_ROW("s"), NANOS_PER_SECOND },
    { STR_ROW("m"), 60 * NANOS_PER_SECOND },
    { STR_ROW("h"), 3600 * NANOS_PER_SECOND },
};

/* The longest unit name that the text begins with wins: "ms" before "m". */
static int64_t take_unit(Str *text)
{
    size_t best = 0;
    int64_t nanos = 0;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].name.len > best && str_starts(*text, units[i].name)) {
            best = units[i].name.len;
            nanos = units[i].nanos;
        }
    }
    *text = str_skip(*text, best);
    return nanos;
}

/* One "1.5h" off the front. */
static bool take_part(Str *text, int64_t *total)
{
    size_t n = 0;
    while (n < text->len && ((text->ptr[n] >= '0' && text->ptr[n] <= '9') || text->ptr[n] == '.'))
        n++;
    Str number = str_first(*text, n);
    *text = str_skip(*text, n);
    int64_t unit = take_unit(text);
    uint64_t whole;
    if (unit && str_to_u64(number, &whole)) {
        if (whole > (uint64_t)((INT64_MAX - *total) / unit))
            return false;
        *total += (int64_t)whole * unit;
        return true;
    }
    double value;
    if (!unit || !str_to_double(number, &value))
        return false;
    double sum = (double)*total + value * (double)unit;
    if (sum >= 9.2e18)
        return false;
    *total = (int64_t)sum;
    return true;
}

bool duration_parse(Str text, int64_t *out_ns)
{
    bool negative = text.len && text.ptr[0] == '-';
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = str_skip(text, 1);
    int64_t total = 0;
    if (str_eq(text, STR("0"))) {
        *out_ns = 0;
        return true;
    }
    if (!text.len)
        return false;
    while (text.len)
        if (!take_part(&text, &total))
            return false;
    *out_ns = negative ? -total : total;
    return true;
}

bool period_parse(Str text, int64_t *out_ns)
{
    static const struct {
        Str name;
        int64_t nanos;
    } steps[] = {
        { STR_ROW("y"), 365 * 24 * 3600 * NANOS_PER_SECOND },
        { STR_ROW("w"), 7 * 24 * 3600 * NANOS_PER_SECOND },
        { STR_ROW("d"), 24 * 3600 * NANOS_PER_SECOND },
        { STR_ROW("h"), 3600 * NANOS_PER_SECOND },
        { STR_ROW("m"), 60 * NANOS_PER_SECOND },
        { STR_ROW("s"), NANOS_PER_SECOND },
        { STR_ROW("ms"), NANOS_PER_MILLI },
    };
    int64_t total = 0;
    bool any = str_eq(text, STR("0"));
    if (any)
        text.len = 0;
    for (size_t next = 0; text.len;) {
        size_t digits = 0, letters;
        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        for (letters = digits; letters < text.len && text.ptr[letters] >= 'a'; letters++)
            continue;
        Str unit = { text.ptr + digits, letters - digits };
        while (next < COUNT_OF(steps) && !str_eq(unit, steps[next].name))
            next++;
        uint64_t count;
        if (next == COUNT_OF(steps) || !str_to_u64(str_first(text, digits), &count) ||
            count > (uint64_t)((INT64_MAX - total) / steps[next].nanos))
            return false;
        total += (int64_t)count * steps[next++].nanos;
        text = str_skip(text, letters);
        any = true;
    }
    *out_ns = total;
    return any;
}

/* ---- RFC 3339 ---- */

/* Exactly so many digits off the front, and the character behind them (0: none is wanted). */
static bool take_digits(Str *text, size_t count, char behind, int64_t *out)
{
    uint64_t number;
    if (text->len < count + (behind != 0) || !str_to_u64(str_first(*text, count), &number) ||
        (behind && text->ptr[count] != behind))
        return false;
    *out = (int64_t)number;
    *text = str_skip(*text, count + (behind != 0));
    return true;
}

static int64_t take_fraction(Str *text)
{
    int64_t nanos = 0, unit = NANOS_PER_SECOND / 10;
    size_t n = 0;
    for (; n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9'; n++, unit /= 10)
        nanos += (text->ptr[n] - '0') * unit;
    *text = str_skip(*text, n);
    return n ? nanos : -1;
}

/* "Z", "+02:00"; the seconds to take away. */
static bool take_offset(Str text, int64_t *seconds)
{
    *seconds = 0;
    if (str_eq_nocase(text, STR("Z")))
        return true;
    if (text.len != 6 || (text.ptr[0] != '+' && text.ptr[0] != '-'))
        return false;
    bool negative = text.ptr[0] == '-';
    int64_t hours, minutes;
    text = str_skip(text, 1);
    if (!take_digits(&text, 2, ':', &hours) || !take_digits(&text, 2, 0, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
}

/* Days since 1970 in the Gregorian calendar; years are counted from March, so that the odd day is
 * the last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

static bool is_day(int64_t year, int64_t month, int64_t day)
{
    static const int64_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool time_parse(Str text, int64_t *out_wall_ns)
{
    int64_t year, month, day, hour, minute, second, nanos = 0, offset;
    if (!take_digits(&text, 4, '-', &year) || !take_digits(&text, 2, '-', &month) || text.len < 3 ||
        (text.ptr[2] != 'T' && text.ptr[2] != 't') || !take_digits(&text, 2, text.ptr[2], &day) ||
        !take_digits(&text, 2, ':', &hour) || !take_digits(&text, 2, ':', &minute) ||
        !take_digits(&text, 2, 0, &second))
        return false;
    if (text.len && text.ptr[0] == '.') {
        text = str_skip(text, 1);
        nanos = take_fraction(&text);
    }
    if (nanos < 0 || !take_offset(text, &offset) || !is_day(year, month, day) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    int64_t seconds =
        days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    const int64_t most = INT64_MAX / NANOS_PER_SECOND - 1;
    if (seconds > most || seconds < -most)
        return false;
    *out_wall_ns = seconds * NANOS_PER_SECOND + nanos;
    return true;
}
