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
