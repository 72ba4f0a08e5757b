/* api_answer.h - a question to one of our HTTP faces, and its answer; no sockets here.
 *
 * A face is a function that takes an ApiRequest and fills an ApiAnswer: always with a status, and
 * with a body. It may block and take its time (up to the deadline), so it runs on a query thread;
 * api_server.h brings it there.
 */
#ifndef API_API_ANSWER_H
#define API_API_ANSWER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { API_BODY_MAX = 256 << 20 }; /* of one answer; beyond it the client is told to ask for less */

typedef struct ApiRequest {
    Str method, path, query; /* as sent: path up to '?', query behind it, not decoded */
    int64_t now_ns;          /* wall time */
    int64_t deadline_mono_ns;
} ApiRequest;

typedef struct ApiAnswer {
    int status;
    Buf body; /* JSON; the caller's to free */
} ApiAnswer;

/* ---- parameters of the query --------------------------------------------------------------------
 */

enum { PARAM_TEXT_MAX = 16 << 10 };

/* The n-th value of a parameter, decoded into *text. PARAM_NONE: there are not so many, or it is
 * empty. PARAM_BAD: badly encoded or too long; err names the parameter. */
typedef enum ParamResult { PARAM_NONE, PARAM_FOUND, PARAM_BAD } ParamResult;
ParamResult param_text(Str query, Str name, size_t nth, Buf *text, Err *err);

/* Leave *out alone when the parameter is not there; else false names parameter and value. */
CHECKED bool param_u64(Str query, Str name, uint64_t *out, Err *err);
CHECKED bool param_bool(Str query, Str name, bool *out, Err *err);
/* Go's durations, and whole days or weeks (2d, 1w); nanoseconds, not negative. */
CHECKED bool param_duration(Str query, Str name, uint64_t *out_ns, Err *err);

#endif
