/* remote_write_outcome.c - see remote_write_outcome.h. */
#include "exporters/prometheusremotewrite/remote_write_outcome.h"

#include "exporters/otlp_outcome.h"

#define WRITTEN "x-prometheus-remote-write-"

static AckOutcome refusal(ErrKind kind, int status, Str why)
{
    AckOutcome out = { .result = kind == ERR_BUSY ? ACK_RETRY : ACK_REFUSED };
    fail(&out.reason, kind, "%d %s: %.*s", status, http_status_text(status),
         STR_ARG(str_first(str_trim(why), 200)));
    return out;
}

static bool says_what_it_wrote(const HttpFields *fields)
{
    return http_fields_get(fields, STR(WRITTEN "samples-written")).len ||
           http_fields_get(fields, STR(WRITTEN "histograms-written")).len ||
           http_fields_get(fields, STR(WRITTEN "exemplars-written")).len;
}

AckOutcome remote_write_outcome(const HttpResponse *response, const Err *err,
                                RemoteWriteVersion version, int64_t wall_now_ns)
{
    if (err)
        return otlp_http_outcome(NULL, err, wall_now_ns);
    int status = response->status;
    if (status >= 200 && status < 300) {
        if (version == REMOTE_WRITE_1 || says_what_it_wrote(response->fields))
            return (AckOutcome){ .result = ACK_DELIVERED };
        return refusal(ERR_UNSUPPORTED, status,
                       STR("the server does not say that it knows remote write 2.0; "
                           "set protobuf_message: prometheus.WriteRequest"));
    }
    bool again = status == 429 || status >= 500;
    AckOutcome out = refusal(again ? ERR_BUSY : ERR_INPUT, status, response->body);
    Str retry_after = http_fields_get(response->fields, STR("retry-after"));
    out.retry_ms = again ? http_retry_after_ms(retry_after, wall_now_ns) : 0;
    return out;
}
