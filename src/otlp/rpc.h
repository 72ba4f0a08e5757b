/* rpc.h - what surrounds a batch on its way: services, paths, answers and what their codes mean.
 *
 * Facts of OTLP/gRPC and OTLP/HTTP. Texts that the readers hand out borrow from the bytes read.
 */
#ifndef OTLP_RPC_H
#define OTLP_RPC_H

#include "base/buf.h"
#include "codec/rpc_status.h"
#include "model/signal.h"

/* gRPC: "/opentelemetry.proto.collector.trace.v1.TraceService/Export" and so on. */
Str otlp_grpc_path(Signal signal);
bool otlp_grpc_parse(Str path, Signal *out);

/* HTTP: "/v1/traces" and so on. */
Str otlp_http_path(Signal signal);

/* ExportTraceServiceResponse and its siblings, which are alike on the wire. */
typedef struct ExportAnswer {
    int64_t rejected; /* items lost for good; never retried */
    Str message;      /* a warning when nothing was rejected; empty: full success */
} ExportAnswer;

void export_answer_write(Buf *out, const ExportAnswer *answer);
CHECKED bool export_answer_read(Str bytes, ExportAnswer *out, Err *err);

/* The answer of a receiver that failed: gRPC code, and the HTTP status it stands for. */
int http_status_of_grpc(GrpcCode code);
RpcStatus rpc_status_of(const Err *err); /* message borrows err's text */

/* May a client send the same again? For gRPC see codec/rpc_status.h. */
bool http_retryable(int status); /* 429, 502, 503, 504 */

#endif
