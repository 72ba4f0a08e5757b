/* otlp_outcome.h - what an OTLP server's answer means for the data, the same for both transports.
 *
 * The table of retryable answers is the OTLP specification's ("Failures", "OTLP/HTTP Response"):
 * gRPC CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS, and
 * RESOURCE_EXHAUSTED only with a RetryInfo; HTTP 429, 502, 503, 504. Connections that failed and
 * answers that are not HTTP or gRPC at all are tried again. Everything else is final. HTTP bodies
 * are read as their Content-Type says, in protobuf or in JSON.
 */
#ifndef EXPORTERS_OTLP_OUTCOME_H
#define EXPORTERS_OTLP_OUTCOME_H

#include "net/grpc_client.h"
#include "net/http_client.h"
#include "pipe/ack.h"

/* err as in the client's done(): NULL when the server answered. */
AckOutcome otlp_grpc_outcome(const GrpcReply *reply, const Err *err);
AckOutcome otlp_http_outcome(const HttpResponse *response, const Err *err, int64_t wall_now_ns);

#endif
