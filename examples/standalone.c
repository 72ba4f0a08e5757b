/* standalone.c - spans on the console and in memory; nothing goes over a network.
 *
 * The in-memory exporter is made for tests: run the code, flush, look at what it said.
 */
#include <cryostorm/exporter.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>

static void brew(int cups)
{
    CRYO_SPAN(span, "brew");
    cryo_span_set(span, CRYO_ATTRS("cups", cups));
    cryo_span_mark(span, "water boils");
}

static void look(void *context, const CryoSpanView *span)
{
    unsigned *events = context;
    *events += (unsigned)span->event_count;
    printf("kept: %.*s, %zu attributes\n", (int)span->name.len, span->name.ptr,
           span->attributes.count);
}

int main(void)
{
    CryoError error;
    CryoSettings settings = {
        .service.name = "kitchen",
        .tracing.exporter_type = "console,in_memory", /* each span goes to both */
        .env_file = "",
    };
    if (!cryo_start(&settings, &error)) {
        fprintf(stderr, "No telemetry: %s\n", error.text);
        return 1;
    }
    brew(1);
    brew(2);

    unsigned events = 0;
    cryo_flush(5000, NULL);
    size_t spans = cryo_memory_spans(look, &events);
    printf("%zu spans, %u events\n", spans, events);

    cryo_shutdown(5000, NULL);
    return 0;
}
