/* hello.c - telemetry in a few lines: start, one span, one counter, one log record, shutdown.
 *
 * Prints them. To send them instead: OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 ./hello
 */
#include <cryostorm/log.h>
#include <cryostorm/metrics.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>

static void greet(const char *whom)
{
    CRYO_SPAN(span, "greet"); /* ends when greet() is left */
    cryo_span_set(span, CRYO_ATTRS("greeting.whom", whom));
    cryo_counter_add(cryo_counter("greetings", NULL), 1, CRYO_ATTRS("greeting.whom", whom));
    cryo_log(CRYO_INFO, "greeting somebody"); /* carries the id of the span */
    printf("Hello, %s!\n", whom);
}

int main(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error))
        fprintf(stderr, "No telemetry: %s\n", error.text); /* and we go on without it */
    greet("world");
    if (!cryo_shutdown(5000, &error))
        fprintf(stderr, "Some telemetry was lost: %s\n", error.text);
    return 0;
}
