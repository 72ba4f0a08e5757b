/* metrics.c - every kind of instrument: counters, a histogram, an up-down counter, gauges.
 *
 * Prints the metrics once at the end. To send them instead, every ten seconds:
 * METRICS__EXPORT_INTERVAL_MILLIS=10000 OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 ./metrics
 */
#include <cryostorm/metrics.h>
#include <cryostorm/telemetry.h>

#include <stdio.h>

static CryoCounter requests;          /* how many */
static CryoHistogram latency;         /* how long, in buckets */
static CryoUpDownCounter connections; /* how many right now */
static CryoCounter created;
static CryoGauge rating;

/* Asked at each collection: here, what the kernel says about our memory. */
static void observe_memory(void *context, CryoObserver *observer)
{
    const CryoObservable *memory = context;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return; /* nothing told, nothing exported */
    if (fscanf(file, "%*d %ld", &pages) == 1)
        cryo_observe(observer, *memory, pages * 4096, CRYO_ATTRS("memory.type", "rss"));
    fclose(file);
}

static void make_instruments(void)
{
    static const double seconds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };
    requests = cryo_counter("app_requests_total",
                            &(CryoInstrumentOptions){ .unit = "{request}",
                                                      .description = "Requests taken" });
    latency = cryo_histogram_double("app_request_latency_seconds",
                                    &(CryoInstrumentOptions){
                                        .unit = "s",
                                        .description = "Time to answer a request",
                                        .bounds = seconds,
                                        .bound_count = sizeof seconds / sizeof *seconds });
    connections = cryo_up_down_counter("app_active_connections", NULL);
    /* A library or a part of the program names itself as the meter. */
    CryoInstrumentOptions reviews = { .meter = cryo_meter("reviews", "1.0"), .unit = "{review}" };
    created = cryo_counter("reviews.created", &reviews);
    reviews.unit = "{star}";
    rating = cryo_gauge_double("reviews.rating", &reviews);

    static CryoObservable memory;
    memory =
        cryo_observable_gauge("app_memory_bytes",
                              &(CryoInstrumentOptions){
                                  .unit = "By", .observe = observe_memory, .context = &memory });
}

static void handle_request(const char *route, int status, double seconds)
{
    cryo_up_down_counter_add(connections, 1);
    cryo_counter_add(requests, 1, CRYO_ATTRS("http.route", route, "http.status", status));
    cryo_histogram_record(latency, seconds, CRYO_ATTRS("http.route", route));
    cryo_up_down_counter_add(connections, -1);
}

int main(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error))
        fprintf(stderr, "No telemetry: %s\n", error.text); /* and we go on without it */
    make_instruments();

    for (int i = 0; i < 10; i++)
        handle_request("/reviews/{id}", i == 7 ? 500 : 200, 0.004 * (i + 1));
    handle_request("/health", 200, 0.0001);
    cryo_up_down_counter_add(connections, 3); /* three clients stay connected */

    /* Where the attributes are always the same, bind them once: then a call costs next to nothing.
     */
    CryoCounter books = cryo_counter_bind(created, CRYO_ATTRS("review.kind", "book"));
    for (int i = 0; i < 5; i++)
        cryo_counter_add(books, 1);
    cryo_gauge_set(rating, 4.5, CRYO_ATTRS("review.kind", "book"));

    if (!cryo_shutdown(5000, &error))
        fprintf(stderr, "Some telemetry was lost: %s\n", error.text);
    return 0;
}
