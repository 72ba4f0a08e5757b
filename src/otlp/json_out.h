/* json_out.h - a batch as OTLP/JSON, straight from its bytes.
 *
 * Names in lowerCamelCase, ids in lower-case hexadecimal, 64-bit integers in quotes, enums as
 * integers, other bytes in base64, fields in the order of their numbers. Scalars that hold the
 * default are left out, save for members of a oneof and optional ones. What JSON has no name for
 * is left out, too: unknown fields, and ids of a wrong length. What a sender repeated or scattered
 * is put together as view.h reads it.
 */
#ifndef OTLP_JSON_OUT_H
#define OTLP_JSON_OUT_H

#include "otlp/batch.h"
#include "otlp/rpc.h"

/* Appends one document, as deep as a batch may nest. ERR_LIMIT: beyond the ceiling of `out`. */
CHECKED bool otlp_json_write(const Batch *batch, Buf *out, Err *err);

/* A request's protobuf bytes made JSON in place; `bytes` keeps its ceiling. ERR_INPUT: they are no
 * valid request of that signal. Whatever went wrong, `bytes` is empty then. */
CHECKED bool otlp_json_replace(Signal signal, Buf *bytes, Err *err);

/* What a server answers: {"partialSuccess":{}} and a google.rpc.Status. */
void otlp_json_write_answer(Signal signal, const ExportAnswer *answer, Buf *out);
void otlp_json_write_status(const RpcStatus *status, Buf *out);

#endif
