/* json_in.h - OTLP/JSON to protobuf, in one pass, without a tree in between.
 *
 * The bytes that come out are what the same message would be in protobuf; whoever wants a Batch
 * gives them to batch_from_bytes(). Accepted, as proto3's JSON mapping and OTLP ask:
 *
 *     keys         in any order, lowerCamelCase or as in the .proto files; unknown ones are skipped
 *     repeated key the last scalar counts, lists and messages are joined (as in protobuf)
 *     null         as if the key were not there; in a list only where it holds any values
 *     64 bit       numbers or numbers in quotes, exact; whole values may be written 1.0 or 1e3
 *     doubles      numbers, or "NaN", "Infinity", "-Infinity", or numbers in quotes
 *     enums        integers (also unknown ones) or their names
 *     ids          hexadecimal in either case; empty is none
 *     other bytes  base64 of either alphabet, with or without padding
 *
 * Refused with ERR_INPUT: what is not JSON, anything behind the document, a value of another type
 * than its field's, a number that does not fit, an id of another length. The Err begins with the
 * path: "resourceSpans[0].scopeSpans[0].spans[2].traceId: line 9, column 20: ...". With ERR_LIMIT:
 * nesting beyond JSON_READ_DEPTH, and what does not fit below the ceiling of `out` (lists of small
 * numbers take up to four times the room in protobuf that they take in JSON).
 */
#ifndef OTLP_JSON_IN_H
#define OTLP_JSON_IN_H

#include "otlp/rpc.h"

/* Appends an ExportTraceServiceRequest and so on. After a failure `out` holds rubbish. */
CHECKED bool otlp_json_read(Signal signal, Str json, Buf *out, Err *err);

/* What a server answered: an Export...ServiceResponse of any signal, a google.rpc.Status (without
 * its details). Texts borrow from `scratch`, which they are appended to. */
CHECKED bool otlp_json_read_answer(Str json, Buf *scratch, ExportAnswer *out, Err *err);
CHECKED bool otlp_json_read_status(Str json, Buf *scratch, RpcStatus *out, Err *err);

#endif
