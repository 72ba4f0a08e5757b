/* settings.c - where settings come from, and what happens to a wrong one.
 *
 *     ./settings                                   the defaults, and a .env file if there is one
 * here TRACING__SAMPLE_RATE=0.25 ./settings         one from the environment TRACING__SAMPLE_RATE=2
 * LOGGING__LEVEL=loud ./settings
 *
 * It prints them all as JSON, with where each came from. The last call names every mistake and what
 * is allowed instead; telemetry then stays off, and the program does its work all the same.
 */
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>
#include <stdlib.h>

static void print_settings(const CryoSettings *settings)
{
    size_t size = cryo_settings_json(settings, NULL, 0) + 1;
    char *text = malloc(size);
    if (text && cryo_settings_json(settings, text, size) > 0)
        puts(text);
    free(text);
}

static int work(void)
{
    CRYO_SPAN(span, "work"); /* does nothing where telemetry is off */
    cryo_span_set(span, CRYO_ATTRS("sum", 40 + 2));
    return 40 + 2;
}

int main(void)
{
    CryoError error;
    CryoSettings code = { .service.version = "1.4.0" }; /* what code says comes first */
    CryoSettings *settings = cryo_settings_load(&code, &error);
    if (!settings)
        fprintf(stderr, "these settings are wrong:\n%s\n", error.text);
    else if (!cryo_start(settings, &error))
        fprintf(stderr, "no telemetry: %s\n", error.text);
    else
        print_settings(settings);

    printf("the work is done: %d\n", work());

    cryo_shutdown(5000, NULL);
    cryo_settings_free(settings);
    return 0;
}
