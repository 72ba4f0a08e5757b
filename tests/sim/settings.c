/* settings.c - see settings.h. */
#include "sim/settings.h"

static unsigned pick(Random *random, const unsigned *of, size_t count)
{
    return of[random_below(random, count)];
}
#define PICK(random, ...)                           \
    pick(random, (const unsigned[]){ __VA_ARGS__ }, \
         sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))

void choose_sizes(Choices *c, Random *random)
{
    static const char *const sizers[] = { "requests", "items", "bytes" };
    c->batch_ms = PICK(random, 0, 1, 20, 200);
    c->batch_size = PICK(random, 0, 1, 8, 64, 8192);
    c->batch_max = c->batch_size && random_below(random, 2) ? c->batch_size : 0;
    c->gateway_batch_ms = PICK(random, 0, 1, 5, 100);
    c->gateway_batch_size = PICK(random, 1, 8, 100, 8192);
    c->queue = random_below(random, 5) != 0;
    c->consumers = PICK(random, 1, 2, 10);
    unsigned sizer = (unsigned)random_below(random, 3);
    c->sizer = sizers[sizer];
    c->queue_size = PICK(random, 4, 30, 1000) * (sizer == 2 ? 4000 : 1);
    c->timeout_ms = PICK(random, 300, 1000, 5000);
    c->retry_ms = PICK(random, 5, 50, 500);
    c->retry_max_ms = c->retry_ms * PICK(random, 1, 3);
    c->elapsed_s = PICK(random, 0, 1, 10);
    c->compression = random_below(random, 2) ? "gzip" : "none";
    c->block = random_below(random, 3) == 0;
    c->result = random_below(random, 6) == 0;
    c->gather_min = random_below(random, 3) ? 0 : PICK(random, 1, 4, 100);
    c->gather_max = c->gather_min ? c->gather_min * PICK(random, 0, 1, 3) : 0;
    c->gather_ms = PICK(random, 1, 20, 200);
    c->breaker_failures = PICK(random, 0, 1, 3, 10);
    c->probe_ms = PICK(random, 20, 300, 2000);
    if (sizer == 1 && c->gather_min > c->queue_size)
        c->gather_min = c->gather_max = 0; /* refused, and rightly so */
}

void choose(Choices *c, Random *random)
{
    *c = (Choices){ .calm = random_below(random, 12) == 0 };
    c->delivered = c->calm || random_below(random, 4) != 0;
    c->sync_second = random_below(random, 6) == 0;
    c->by_grpc = random_below(random, 2);
    c->json = random_below(random, 3) == 0;
    c->edge_batches = random_below(random, 4) != 0;
    c->resource = random_below(random, 3) == 0;
    c->rate = PICK(random, 1, 2, 5);
    c->segment_kib = PICK(random, 64, 256);
    c->reserve_kib = PICK(random, 0, 1000);
    choose_sizes(c, random);
    if (c->calm) { /* nothing that refuses by itself */
        c->queue = true;
        c->sizer = "requests";
        c->queue_size = 1000;
        c->consumers = 10;
        c->timeout_ms = 5000;
        c->rate = 1;
        c->breaker_failures = 10;
    }
}

void choose_app(const Choices *c, Random *random, App *app)
{
    static const char *const protocols[] = { "grpc", "http/protobuf", "http/json" };
    size_t protocol = (size_t)random_below(random, 3);
    *app = (App){ .protocol = protocols[protocol],
                  .compression = random_below(random, 2) ? "gzip" : "none",
                  .port = protocol ? EDGE_HTTP : EDGE_GRPC,
                  .batch_size = (long)PICK(random, 1, 16, 64),
                  .queue_size = (long)PICK(random, 64, 512),
                  .delay_ms = (long)PICK(random, 10, 100, 1000),
                  .timeout_ms = (long)PICK(random, 500, 3000),
                  .rate = PICK(random, 0, 2, 6) };
    if (c->calm) {
        app->queue_size = 2048;
        app->timeout_ms = 20000;
    }
}

static void write_exporter(const Choices *c, Buf *yaml)
{
    if (c->by_grpc)
        buf_addf(yaml, "  otlp:\n    endpoint: 127.0.0.1:%d\n    tls: { insecure: true }\n",
                 GATEWAY_GRPC);
    else
        buf_addf(yaml, "  otlphttp:\n    endpoint: http://127.0.0.1:%d\n    encoding: %s\n",
                 GATEWAY_HTTP, c->json ? "json" : "proto");
    buf_addf(yaml, "    compression: %s\n    timeout: %ums\n", c->compression, c->timeout_ms);
    buf_addf(yaml,
             "    sending_queue: { enabled: %s, num_consumers: %u, queue_size: %u, sizer: %s, "
             "block_on_overflow: %s, wait_for_result: %s",
             c->queue ? "true" : "false", c->consumers, c->queue_size, c->sizer,
             c->block ? "true" : "false", c->result ? "true" : "false");
    if (c->gather_min)
        buf_addf(yaml, ", batch: { sizer: items, min_size: %u, max_size: %u, flush_timeout: %ums }",
                 c->gather_min, c->gather_max, c->gather_ms);
    buf_addf(yaml,
             " }\n    circuit_breaker: { enabled: %s, consecutive_failures: %u, "
             "probe_interval: %ums }\n",
             c->breaker_failures ? "true" : "false", c->breaker_failures + !c->breaker_failures,
             c->probe_ms);
    buf_addf(yaml,
             "    retry_on_failure: { initial_interval: %ums, max_interval: %ums, "
             "max_elapsed_time: %us }\n",
             c->retry_ms, c->retry_max_ms, c->elapsed_s);
}

static void write_pipelines(const char *processors, const char *exporter, Buf *yaml)
{
    static const char *const signals[] = { "traces", "metrics", "logs" };
    buf_addf(yaml, "  pipelines:\n");
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        buf_addf(yaml, "    %s: { receivers: [otlp], processors: [%s], exporters: [%s] }\n",
                 signals[i], processors, exporter);
}

static void write_receiver(bool delivered, int grpc, int http, Buf *yaml)
{
    buf_addf(yaml,
             "receivers:\n  otlp:\n    acknowledge: %s\n    protocols:\n"
             "      grpc: { endpoint: 127.0.0.1:%d }\n      http: { endpoint: 127.0.0.1:%d }\n",
             delivered ? "delivered" : "accepted", grpc, http);
}

void settings_of_edge(const Choices *c, Buf *yaml)
{
    write_receiver(c->delivered, EDGE_GRPC, EDGE_HTTP, yaml);
    buf_addf(
        yaml,
        "processors:\n  resource: { attributes: [{ key: hop, action: insert, value: edge }] }\n"
        "  batch: { timeout: %ums, send_batch_size: %u, send_batch_max_size: %u }\n",
        c->batch_ms, c->batch_size, c->batch_max);
    buf_addf(yaml, "exporters:\n");
    write_exporter(c, yaml);
    buf_addf(yaml, "service:\n  telemetry: { metrics: { level: none } }\n");
    const char *processors = c->edge_batches ? c->resource ? "resource, batch" : "batch"
                             : c->resource   ? "resource"
                                             : "";
    write_pipelines(processors, c->by_grpc ? "otlp" : "otlphttp", yaml);
}

void settings_of_gateway(const Choices *c, Plant plant, Buf *yaml)
{
    write_receiver(true, GATEWAY_GRPC, GATEWAY_HTTP, yaml);
    buf_addf(yaml,
             "processors:\n  planted: { plant: %d }\n"
             "  batch: { timeout: %ums, send_batch_size: %u }\n",
             (int)plant, c->gateway_batch_ms, c->gateway_batch_size);
    buf_addf(yaml,
             "exporters: { store: }\nextensions:\n"
             "  store: { directory: data, max_age: 0s, sync: %s, segment_bytes: %uKiB, "
             "reserve_bytes: %uKiB }\n",
             c->sync_second ? "1s" : "always", c->segment_kib, c->reserve_kib);
    buf_addf(yaml, "service:\n  telemetry: { metrics: { level: none } }\n  extensions: [store]\n");
    write_pipelines(plant ? "planted, batch" : "batch", "store", yaml);
}
