#!/usr/bin/env bash
# remote_write.sh PROGRAM PROMETHEUS - what our remote write puts into a real Prometheus, asked there.
#
# Prints what differs. An old Prometheus reads remote write 2.0 as an empty message of 1.0 and says 204: ours has to notice.
set -uo pipefail
program=$1 prometheus=$2
work=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap cleanup EXIT
port=15490 one=15491 two=15492 status=0

until_says() { # until_says WHAT COMMAND...: for ten seconds
    local what=$1 end=$((SECONDS + 10))
    shift
    until "$@" 2>/dev/null | grep -qF -- "$what"; do
        [ $SECONDS -lt $end ] || { echo "missing: $what"; echo "got: $("$@" 2>&1 | head -c 2000)"; status=1; return 1; }
        sleep 0.2
    done
}
ask() { curl -sG "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1"; }
exemplars() {
    curl -sG "http://127.0.0.1:$port/api/v1/query_exemplars" -d query=sold_total -d start=$(($(date +%s) - 60)) -d end=$(($(date +%s) + 60))
}
ours() { # ours PORT MESSAGE
    printf '%s\n' "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:$1'}}}}" "exporters:" \
        "  prometheusremotewrite: {endpoint: 'http://127.0.0.1:$port/api/v1/write', send_metadata: true, protobuf_message: $2," \
        "    external_labels: {zone: z1}, disable_scope_info: true}" \
        "service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [otlp], exporters: [prometheusremotewrite]}}}" >"$work/$1.yaml"
    "$program" run --config "$work/$1.yaml" >"$work/$1.log" 2>&1 &
    pids+=($!)
    local end=$((SECONDS + 10))
    until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || [ $SECONDS -ge $end ]; do sleep 0.1; done
}
send() { # send PORT SECONDS_AGO VALUE
    local at=$(($(date +%s) - $2))000000000 start=$(($(date +%s) - 600))000000000
    curl -sf -o /dev/null -H 'content-type: application/json' "http://127.0.0.1:$1/v1/metrics" -d "{\"resourceMetrics\":[{
      \"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},{\"key\":\"os\",\"value\":{\"stringValue\":\"linux\"}}]},
      \"scopeMetrics\":[{\"metrics\":[
       {\"name\":\"sold\",\"description\":\"Sold things.\",\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,\"dataPoints\":[{
         \"startTimeUnixNano\":\"$start\",\"timeUnixNano\":\"$at\",\"asInt\":\"$3\",\"exemplars\":[{\"timeUnixNano\":\"$at\",\"asDouble\":0.5,
         \"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\"}]}]}},
       {\"name\":\"took\",\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"startTimeUnixNano\":\"$start\",
         \"timeUnixNano\":\"$at\",\"count\":\"3\",\"sum\":4.5,\"bucketCounts\":[\"1\",\"2\"],\"explicitBounds\":[1]}]}},
       {\"name\":\"native\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"startTimeUnixNano\":\"$start\",
         \"timeUnixNano\":\"$at\",\"count\":\"10\",\"sum\":20,\"scale\":0,\"zeroCount\":\"1\",
         \"positive\":{\"offset\":0,\"bucketCounts\":[\"2\",\"0\",\"0\",\"0\",\"3\"]},\"negative\":{\"offset\":1,\"bucketCounts\":[\"4\"]}}]}}]}]}]}" || status=1
}

printf 'global: {}\n' >"$work/prometheus.yml"
"$prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address=127.0.0.1:$port \
    --web.enable-remote-write-receiver --enable-feature=exemplar-storage,native-histograms >"$work/prometheus.log" 2>&1 &
pids+=($!)
until_says Ready curl -s "http://127.0.0.1:$port/-/ready" || exit 1

ours $one prometheus.WriteRequest
for i in 5 4 3 2 1; do send $one "$i" $((10 - i)); done
until_says '"job":"shop","zone":"z1"},"value":' ask 'sold_total'
until_says ',"9"]' ask 'sold_total'
until_says ',"5"]' ask 'count_over_time(sold_total[1m])'
until_says ',"2"]' ask 'took_seconds_bucket{le="+Inf"} - on() took_seconds_bucket{le="1"}'
until_says '"os":"linux"' ask 'target_info'
until_says ',"10"]' ask 'histogram_count(native)'
until_says '[0,"1","2","2"],[0,"16","32","3"]' ask 'native'
until_says '"trace_id":"0102030405060708090a0b0c0d0e0f10"},"value":"0.5"' exemplars

ours $two io.prometheus.write.v2.Request
case $("$prometheus" --version 2>&1 | head -n 1) in
    *version\ 2.*)
        send $two 0 10
        until_says "does not say that it knows remote write 2.0" cat "$work/$two.log"
        ;;
    *)
        send $two 0 10
        until_says ',"10"]' ask 'sold_total'
        ;;
esac
exit $status
