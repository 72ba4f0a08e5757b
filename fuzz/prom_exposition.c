/* prom_exposition.c - any bytes as a scraped page, in both formats: read in one piece and byte by
 * byte the events are the same; what a scrape makes of them is a valid message. */
#include "otlp/batch.h"
#include "prom/exposition_reader.h"
#include "prom/scrape_target.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 64 << 20 };

/* A sum over everything that is told. */
static uint64_t add(uint64_t sum, const ExpositionEvent *event)
{
    uint64_t bits;
    memcpy(&bits, &event->value, sizeof bits);
    sum = sum * 31 + str_hash(event->name) + str_hash(event->text) + bits;
    sum = sum * 31 + (uint64_t)event->kind + (uint64_t)event->type + (uint64_t)event->time_ms;
    return sum * 31 + labels_hash(event->labels);
}

static bool drain(ExpositionReader *reader, uint64_t *sum)
{
    Err err;
    ExpositionEvent event;
    ExpositionResult result;
    while ((result = exposition_next(reader, &event, &err)) == EXPOSITION_EVENT)
        *sum = add(*sum, &event);
    if (result == EXPOSITION_FAILED)
        *sum = *sum * 31 + str_hash(str_from(err.text));
    return result == EXPOSITION_MORE;
}

static uint64_t read_page(ExpositionFormat format, Str page, size_t step)
{
    Err err;
    uint64_t sum = 0;
    ExpositionReader *reader = exposition_reader_new(format, &err);
    if (!reader)
        abort();
    bool more = true;
    while (more && page.len) {
        if (!exposition_feed(reader, str_first(page, step), &err))
            abort();
        page = str_skip(page, step);
        more = drain(reader, &sum);
    }
    exposition_finish(reader);
    if (more)
        (void)drain(reader, &sum);
    exposition_reader_free(reader);
    return sum;
}

static void scrape(ExpositionFormat format, Str page)
{
    Err err;
    const ScrapeSettings settings = { .job = STR("j"), .instance = STR("i") };
    ScrapeTarget *target = scrape_target_new(&settings, &err);
    if (!target)
        abort();
    for (int i = 1; i <= 3; i++) { /* all of it, again, and nothing */
        ScrapeResult result;
        Buf out = BUF(OUT_MAX);
        const ScrapeAnswer answer = { .time_ns = i,
                                      .content_type = exposition_content_type(format),
                                      .body = i < 3 ? page : STR("# EOF\n") };
        if (scrape_target_take(target, &answer, &out, &result, &err)) {
            Batch *batch = batch_from_bytes(METRICS, &out, &err);
            if (!batch)
                abort();
            batch_unref(batch);
        }
        buf_free(&out);
    }
    scrape_target_free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Str page = { (const char *)data, size };
    static const ExpositionFormat formats[] = { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const ExpositionFormat format = formats[i];
        if (read_page(format, page, size ? size : 1) != read_page(format, page, 1))
            abort();
        scrape(format, page);
    }
    return 0;
}
