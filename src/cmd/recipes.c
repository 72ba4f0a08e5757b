/* recipes.c - the configurations that `cryostorm init` begins with; see recipes.h.
 *
 * Only what is chosen stands here. What it means, and everything that may be chosen besides, is
 * written from the tables of the components.
 */
#include "cmd/recipes.h"

#define OTLP_EVERYWHERE                                                \
    "receivers:\n"                                                     \
    "  otlp:\n"                                                        \
    "    protocols:\n"                                                 \
    "      grpc: { endpoint: '${env:LISTEN_HOST:-127.0.0.1}:4317' }\n" \
    "      http: { endpoint: '${env:LISTEN_HOST:-127.0.0.1}:4318' }\n"

#define ALL_PIPELINES(receivers, processors, exporters)                                          \
    "  pipelines:\n"                                                                             \
    "    traces: { receivers: " receivers ", processors: " processors ", exporters: " exporters  \
    " }\n"                                                                                       \
    "    metrics: { receivers: " receivers ", processors: " processors ", exporters: " exporters \
    " }\n"                                                                                       \
    "    logs: { receivers: " receivers ", processors: " processors ", exporters: " exporters    \
    " }\n"

static const char collector[] = OTLP_EVERYWHERE
    "processors:\n"
    "  memory_limiter: { check_interval: 1s, limit_percentage: 75, spike_limit_percentage: 20 }\n"
    "  batch: { timeout: 200ms }\n"
    "exporters:\n"
    "  otlp:\n"
    "    endpoint: ${env:OTLP_ENDPOINT:-http://localhost:14317}\n"
    "    sending_queue: { queue_size: 1000 }\n"
    "    retry_on_failure: { max_elapsed_time: 5m }\n"
    "extensions:\n"
    "  health_check: { endpoint: '127.0.0.1:13133' }\n"
    "service:\n"
    "  extensions: [health_check]\n" ALL_PIPELINES("[otlp]", "[memory_limiter, batch]", "[otlp]");

static const char backend[] = OTLP_EVERYWHERE
    "processors:\n"
    "  batch: { timeout: 200ms }\n"
    "exporters:\n"
    "  store: { store: store }\n"
    "extensions:\n"
    "  store: { directory: ./cryostorm-data, sync: 1s, max_bytes: 10GiB, max_age: 168h }\n"
    "  page: { endpoint: '127.0.0.1:16686', store: store }\n"
    "  health_check: { endpoint: '127.0.0.1:13133' }\n"
    "service:\n"
    "  extensions: [store, page, health_check]\n" ALL_PIPELINES("[otlp]", "[batch]", "[store]");

static const char gateway[] =
    "receivers:\n"
    "  otlp:\n"
    "    protocols:\n"
    "      grpc:\n"
    "        endpoint: 0.0.0.0:4317\n"
    "        tls: { cert_file: /etc/cryostorm/server.crt, key_file: /etc/cryostorm/server.key, "
    "client_ca_file: /etc/cryostorm/clients.crt }\n"
    "      http:\n"
    "        endpoint: 0.0.0.0:4318\n"
    "        tls: { cert_file: /etc/cryostorm/server.crt, key_file: /etc/cryostorm/server.key, "
    "client_ca_file: /etc/cryostorm/clients.crt }\n"
    "processors:\n"
    "  memory_limiter: { check_interval: 1s, limit_percentage: 75, spike_limit_percentage: 20 }\n"
    "  batch: { timeout: 1s, send_batch_size: 8192, send_batch_max_size: 16384 }\n"
    "exporters:\n"
    "  otlphttp:\n"
    "    endpoint: ${env:OTLP_ENDPOINT:-https://collector.example.org}\n"
    "    headers: { authorization: 'Bearer ${env:OTLP_TOKEN:-}' }\n"
    "    sending_queue: { queue_size: 5000 }\n"
    "extensions:\n"
    "  health_check: { endpoint: '127.0.0.1:13133' }\n"
    "  zpages: { endpoint: '127.0.0.1:55679' }\n"
    "service:\n"
    "  extensions: [health_check, zpages]\n"
    "  telemetry: { logs: { level: info, encoding: json } }\n" ALL_PIPELINES(
        "[otlp]", "[memory_limiter, batch]", "[otlphttp]");

static const char agent[] = OTLP_EVERYWHERE
    "  hostmetrics:\n"
    "    collection_interval: 30s\n"
    "    scrapers: { cpu: , load: , memory: , disk: , filesystem: , network: }\n"
    "processors:\n"
    "  memory_limiter: { check_interval: 1s, limit_mib: 256 }\n"
    "  resource: { attributes: [{ key: deployment.environment.name, value: "
    "'${env:STAGE:-production}', action: upsert }] }\n"
    "  batch: { timeout: 1s }\n"
    "exporters:\n"
    "  otlp: { endpoint: '${env:GATEWAY:-https://gateway.example.org:4317}' }\n"
    "service:\n"
    "  pipelines:\n"
    "    traces: { receivers: [otlp], processors: [memory_limiter, resource, batch], exporters: "
    "[otlp] }\n"
    "    metrics: { receivers: [otlp, hostmetrics], processors: [memory_limiter, resource, batch], "
    "exporters: [otlp] }\n"
    "    logs: { receivers: [otlp], processors: [memory_limiter, resource, batch], exporters: "
    "[otlp] }\n";

static const char prometheus[] =
    "receivers:\n"
    "  prometheus:\n"
    "    config: { scrape_configs: [{ job_name: app, scrape_interval: 15s, static_configs: "
    "[{ targets: ['localhost:8080'] }] }] }\n"
    "processors:\n"
    "  batch: { timeout: 1s }\n"
    "exporters:\n"
    "  prometheus: { endpoint: '127.0.0.1:8889' }\n"
    "service:\n"
    "  pipelines:\n"
    "    metrics: { receivers: [prometheus], processors: [batch], exporters: [prometheus] }\n";

const Recipe recipes[] = {
    { "collector", "Takes OTLP and hands it on by OTLP: with a queue, retries and a memory limit.",
      collector },
    { "backend", "Takes OTLP, stores it here and shows it: page, Jaeger, Prometheus and Loki APIs.",
      backend },
    { "gateway", "Takes OTLP over mutual TLS from many and sends it to a vendor with a token.",
      gateway },
    { "agent", "Runs on every machine: its applications' OTLP and its own metrics to a gateway.",
      agent },
    { "prometheus", "Scrapes Prometheus targets and shows their metrics for another Prometheus.",
      prometheus },
    { 0 },
};
