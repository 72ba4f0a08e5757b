/* jaeger_internal.h - what jaeger.c and jaeger_search.c share. */
#ifndef API_JAEGER_INTERNAL_H
#define API_JAEGER_INTERNAL_H

#include "api/api_answer.h"
#include "codec/json.h"
#include "store/scan.h"

/* {"data": - then the caller writes the value - "total":.. and the rest. */
JsonWriter envelope_open(ApiAnswer *answer);
CHECKED bool envelope_close(JsonWriter *json, size_t total, Err *err);

/* jaeger_search.c. False: err, whose kind becomes the status. */
CHECKED bool jaeger_search(SpanSource *source, const ApiRequest *request, ApiAnswer *answer,
                           Err *err);
CHECKED bool jaeger_trace(SpanSource *source, const ApiRequest *request, Str id_text,
                          ApiAnswer *answer, Err *err);

#endif
