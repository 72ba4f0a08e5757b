/* api_answer.h - a question to one of our HTTP faces, and its answer; no sockets here.
 *
 * A face is a set of rows: which paths, and the function that takes an ApiRequest and fills an
 * ApiAnswer, always with a status and with a body. It sees the store only through ApiSources. It
 * may block and take its time (up to the deadline), so it runs on a query thread; api_server.h
 * brings it there.
 */
#ifndef API_API_ANSWER_H
#define API_API_ANSWER_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "net/http.h"

typedef struct Batch Batch;
typedef struct SpanSource SpanSource;     /* store/scan.h */
typedef struct SeriesSource SeriesSource; /* store/series_scan.h */
typedef struct LogSource LogSource;       /* store/log_scan.h */
typedef struct CryoStatus CryoStatus;     /* cryo_status.h */

enum {
    API_BODY_MAX = 256 << 20, /* of one answer; beyond it the client is told to ask for less */
    API_FIELDS_MAX = 4,
};

/* What faces answer from. What is NULL is not there: the face says so in its own words. */
typedef struct ApiSources {
    SpanSource *spans;
    SeriesSource *series;
    LogSource *logs;
    /* Stores a batch and waits until it is stored, at most until the deadline; from any query
     * thread. False: it is not stored, or nobody can say. */
    bool (*append)(void *context, Batch *batch, int64_t deadline_mono_ns, Err *err);
    void *append_context;
    /* Reads the program's configuration again; from any thread. False: it is wrong, and what runs
     * goes on. */
    bool (*reload)(void *context, Err *err);
    void *reload_context;
} ApiSources;

typedef struct ApiRequest {
    Str method, path; /* as sent, the path up to '?', not decoded */
    Str query;        /* parameters, still encoded: those of a form in the body, then the URL's */
    Str body;         /* as sent, inflated; empty where it was a form */
    Str content_type; /* of the body */
    Str field;        /* the header that the route names; empty: it was not sent */
    int64_t now_ns;   /* wall time */
    int64_t deadline_mono_ns;
    Purse *purse; /* who pays for arenas and answers; NULL: nobody */
    Clock *clock; /* whose time that is; behind every deadline once the asker has gone */
    const CryoStatus *status; /* for routes that want it, else NULL */
} ApiRequest;

typedef struct ApiAnswer {
    int status;
    Buf body;         /* the caller's to free */
    Str content_type; /* empty: application/json. It and the fields are texts of the program. */
    HttpField fields[API_FIELDS_MAX]; /* further ones, names in lower case */
    size_t field_count;
} ApiAnswer;

/* One row of a face. */
typedef struct ApiRoute {
    Str path;    /* as in net/server.h: ending in '*' it is a prefix */
    Str methods; /* "GET, POST"; empty: any */
    void (*answer)(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer);
    size_t body_bytes; /* of a request; 0: API_FORM_MAX */
    Str field;         /* a header that the face reads, in lower case */
    bool wants_status; /* ApiRequest.status is filled */
    bool at_once;      /* answered on the loop: it neither waits nor takes long */
} ApiRoute;

enum { API_FORM_MAX = 1 << 20 };

/* ---- parameters of the query --------------------------------------------------------------------
 */

enum { PARAM_TEXT_MAX = 64 << 10 };

/* The n-th value of a parameter, decoded into *text. PARAM_NONE: there are not so many, or it is
 * empty. PARAM_BAD: badly encoded or too long; err names the parameter. */
typedef enum ParamResult { PARAM_NONE, PARAM_FOUND, PARAM_BAD } ParamResult;
ParamResult param_text(Str query, Str name, size_t nth, Buf *text, Err *err);

/* Leave *out alone when the parameter is not there; else false names parameter and value. */
CHECKED bool param_u64(Str query, Str name, uint64_t *out, Err *err);
CHECKED bool param_bool(Str query, Str name, bool *out, Err *err);
/* Go's durations, and whole days or weeks (2d, 1w); nanoseconds, not negative. */
CHECKED bool param_duration(Str query, Str name, uint64_t *out_ns, Err *err);
/* A moment: RFC 3339 or Unix seconds with decimals. */
CHECKED bool param_time(Str query, Str name, int64_t *out_ns, Err *err);
/* As Loki has it: a whole number of more than ten digits is nanoseconds, else as above. */
CHECKED bool param_time_or_ns(Str query, Str name, int64_t *out_ns, Err *err);
/* A span of time as Prometheus and Loki write it: "1h30m", "5m", or seconds with decimals. */
CHECKED bool param_period(Str query, Str name, int64_t *out_ns, Err *err);

#endif
