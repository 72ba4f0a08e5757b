# expectations.sh - what each example prints; read by run.sh.

run hello
has '^Hello, world!$'
has '^greet  INTERNAL '
has ' INFO  greeting somebody  trace [0-9a-f]{32}  span [0-9a-f]{16}$'
has '^greetings  SUM'
has '^  1  greeting\.whom = "world"$'
run hello ENABLE_TELEMETRY=false
has '^Hello, world!$'
lacks 'greet '

run request
has '^answered with 500$'
has '^GET /api/v1/reviews  SERVER .*ERROR: the receipt could not be sent'
has 'trace 0af7651916cd43dd8448eb211c80319c'
has '^send_receipt  INTERNAL .*ERROR: the address has no @'

run settings
has '"sample_rate": 1'
has '"SERVICE__VERSION": "code"'
has '^the work is done: 42$'
has '^work  INTERNAL '
printf 'TRACING__SAMPLE_RATE=0.25\nLOGGING__LEVEL=ERROR\n' >.env
run settings TRACING__SAMPLE_RATE=1.0 OTEL_METRIC_EXPORT_INTERVAL=5000
has '"sample_rate": 1'
has '"LOGGING__LEVEL": "\.env: LOGGING__LEVEL"'
has '"METRICS__EXPORT_INTERVAL_MILLIS": "OTEL_METRIC_EXPORT_INTERVAL"'
rm .env
run settings TRACING__SAMPLE_RATE=2 LOGGING__LEVEL=loud
has "^TRACING__SAMPLE_RATE: '2' is not a number from 0 to 1$"
has "^LOGGING__LEVEL: 'loud' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL$"
has '^the work is done: 42$'
lacks 'work  INTERNAL'

run functions
has '^tea: ordered$'
has '^a samovar: refused$'
has '^place_order  INTERNAL '
has 'order\.price = 4\.5'
has 'event .* priced  currency = "EUR"'
has '^functions\.c:check_stock  INTERNAL '
has '^charge  CLIENT .*ERROR: the limit is 100'

run logs
has ' INFO  open for business$'
has ' INFO  order accepted  item = "tea"  count = 3  trace [0-9a-f]{32}  span [0-9a-f]{16}$'
has ' WARN  only 2 of tea left, 3 wanted  trace'
has ' ERROR  the door is open  door = "north"$'
has ' INFO  stock\.counted  1250$'
has ' INFO2  said through syslog: 42$'
has ' FATAL  out of tea$'
lacks ' DEBUG '
[ "$(sed -n 's/.* order accepted .* trace \([0-9a-f]*\) .*/\1/p' out)" = "$(sed -n 's/.*  trace \([0-9a-f]*\)  span [0-9a-f]*$/\1/p' out | tail -1)" ] || {
    echo "logs: the record and the span are of different traces"
    failed=$((failed + 1))
}
run logs LOGGING__LEVEL=DEBUG
has ' DEBUG  this much detail  step = 1'
has ' DEBUG  debugging is on$'
run logs LOGGING__LEVEL=ERROR
has ' FATAL  out of tea$'
lacks ' (INFO|INFO2|WARN)  '

run metrics
has '^app_requests_total  SUM  \{request\}  since the start$'
has '^  9  http\.route = "/reviews/\{id\}"  http\.status = 200$'
has '^app_request_latency_seconds  HISTOGRAM  s  since the start$'
has '^  count 10  sum 0\.22  min 0\.004  max 0\.04  http\.route = "/reviews/\{id\}"$'
has '^    <= 0\.05  4$'
has '^app_active_connections  SUM  since the start$'
has '^  3$'
has '^reviews\.created  SUM  \{review\}'
has '^  5  review\.kind = "book"$'
has '^reviews\.rating  GAUGE  \{star\}$'
has '^  4\.5  review\.kind = "book"$'
has '^app_memory_bytes  GAUGE  By$'
has '^  [0-9]+  memory\.type = "rss"$'
run metrics METRICS__OTLP__TEMPORALITY_PREFERENCE=delta
has '^app_requests_total  SUM  \{request\}  since the last$'
run metrics ENABLE_METRICS=false
lacks 'app_requests_total'

run standalone
has '^kept: brew, 1 attributes$'
has '^2 spans, 2 events$'
has '^brew  INTERNAL '

run propagation
trace=$(sed -n 's/^the client is in trace *//p' out)
has "^with headers:    child in trace $trace\$"
has '^without headers: root of trace [0-9a-f]{32}$'
lacks "^without headers: .* $trace"
has '^GET  SERVER '
has '^GET /basket  CLIENT '

run custom_exporter
has '^span    sell, '
has '^log     sold$'
has '^metric  sold, 1 points$'
has '^1 spans, 1 data points, 1 logs$'

run event_loop
has '^round  INTERNAL '
has 'timer\.rounds = '
has '^three rounds$'
run event_loop TRACING__PROCESSOR_TYPE=simple
has '^round  INTERNAL '
run event_loop OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 OTEL_EXPORTER_OTLP_TIMEOUT=100
has '^Some telemetry was lost: 3 spans'
has '^three rounds$'
