/* symbols_host.c - a program whose own functions happen to be called like ours; symbols_test.sh
 * links it.
 *
 * It runs the library from start to shutdown and then asks: did anything of it end up in our
 * `fail`, and do our own calls still arrive here?
 */
#include <cryostorm/exporter.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>

int fail(int value);
int arena_alloc(int value);
int buf_add(int value);
int str_eq(int value);
int mem_free(int value);
int clock_now(int value);
int llhttp_init(int value);

static int calls;

int fail(int value)
{
    return calls++, value + 1;
}
int arena_alloc(int value)
{
    return calls++, value + 2;
}
int buf_add(int value)
{
    return calls++, value + 3;
}
int str_eq(int value)
{
    return calls++, value + 4;
}
int mem_free(int value)
{
    return calls++, value + 5;
}
int clock_now(int value)
{
    return calls++, value + 6;
}
int llhttp_init(int value)
{
    return calls++, value + 7;
}

static void count(void *context, const CryoSpanView *span)
{
    size_t *named = context;
    *named += span->name.len == 4;
}

int main(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error)) {
        fprintf(stderr, "start: %s\n", error.text);
        return 1;
    }
    for (int i = 0; i < 100; i++) {
        CRYO_SPAN(span, "work");
        cryo_span_set(span, CRYO_ATTRS("i", i));
    }
    bool flushed = cryo_flush(5000, &error);
    size_t named = 0;
    size_t spans = cryo_memory_spans(count, &named);
    bool stopped = cryo_shutdown(5000, &error);
    if (!flushed || !stopped || spans != 100 || named != 100) {
        fprintf(stderr, "flushed %d, stopped %d, %zu spans: %s\n", flushed, stopped, spans,
                error.text);
        return 1;
    }
    if (calls != 0) {
        fprintf(stderr, "the library called %d of the host's functions\n", calls);
        return 1;
    }
    int sum = fail(0) + arena_alloc(0) + buf_add(0) + str_eq(0) + mem_free(0) + clock_now(0) +
              llhttp_init(0);
    if (sum != 28 || calls != 7) {
        fprintf(stderr, "the host's own calls went elsewhere: %d, %d\n", sum, calls);
        return 1;
    }
    return 0;
}
