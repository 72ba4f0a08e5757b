/* trace.h - spans: what your program did, when, and as part of what.
 *
 * A span is one named piece of work with a beginning and an end: a request, a query, a function.
 * Spans that belong together form a trace, a tree over all programs that took part. A span has
 * attributes (facts, see value.h), events (moments), perhaps links to other traces, and a status.
 *
 *     CRYO_SPAN(span, "load_basket", .kind = CRYO_CLIENT);     ends when this block is left
 *     cryo_span_set(span, CRYO_ATTRS("basket.id", id, "basket.items", count));
 *     if (!ok)
 *         cryo_span_fail(span, "DatabaseError", message);
 *
 * Costs and promises. When tracing is off or could not be started a call costs a nanosecond or two
 * and does nothing; your program never needs to ask. Nothing here blocks, prints, or returns an
 * error; what had to be dropped is counted (cryo_counts in telemetry.h). Every function may be
 * called from every thread, also on the same span, but not from a signal handler. Text and
 * attributes are copied before a call returns. Times are nanoseconds since the Unix epoch.
 *
 * A CryoSpan is a small handle and is passed by value. It is used up by cryo_span_end(): every
 * later use is a counted no-op, never a crash. A zeroed handle is a valid span that does nothing.
 *
 * Each thread has a current span; a new span becomes its child unless you say otherwise. CRYO_SPAN
 * makes its span current for the block; for other shapes see context.h. (OpenTelemetry
 * specification: Trace API; where we differ it is said at the function.)
 */
#ifndef CRYOSTORM_TRACE_H
#define CRYOSTORM_TRACE_H

#include <cryostorm/attributes.h>
#include <cryostorm/value.h>

CRYO_BEGIN

typedef struct CryoSpan {
    void *slot; /* NULL: a span that does nothing */
    uint64_t generation;
} CryoSpan;

/* What kind of work it is, seen from the outside. */
typedef enum CryoKind {
    CRYO_KIND_DEFAULT, /* CRYO_INTERNAL */
    CRYO_INTERNAL,     /* inside this program */
    CRYO_SERVER,       /* answers a request that came from elsewhere */
    CRYO_CLIENT,       /* asks somebody else and waits */
    CRYO_PRODUCER,     /* puts a message somewhere */
    CRYO_CONSUMER,     /* takes a message from somewhere */
} CryoKind;

typedef enum CryoStatus {
    CRYO_STATUS_UNSET,
    CRYO_STATUS_OK,    /* final: nothing changes it any more */
    CRYO_STATUS_ERROR, /* with a description; a later error replaces it */
} CryoStatus;

enum { CRYO_TRACE_STATE_MAX = 512, CRYO_TRACE_ID_TEXT = 33, CRYO_SPAN_ID_TEXT = 17 };
enum { CRYO_FLAG_SAMPLED = 1, CRYO_FLAG_RANDOM = 2 };

/* A span's identity, as it travels between programs. Plain data: copy and keep it freely. All zero
 * means none. trace_state is W3C's list "key=value,..." (propagation.h), without a zero byte. */
typedef struct CryoSpanContext {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t flags;  /* CRYO_FLAG_... */
    bool is_remote; /* it came from another program */
    uint16_t trace_state_len;
    char trace_state[CRYO_TRACE_STATE_MAX];
} CryoSpanContext;

/* A connection to a span that is not the parent, e.g. of each message in a batch. */
typedef struct CryoLink {
    const CryoSpanContext *context;
    CryoAttrs attributes;
} CryoLink;

typedef struct CryoTracer CryoTracer; /* who makes the spans: a program or a library */
typedef struct CryoContext CryoContext;

/* How to start a span. Leave out (zero) what should be as usual. */
typedef struct CryoSpanOptions {
    const char *name; /* set by cryo_span_start() and CRYO_SPAN() */
    CryoKind kind;
    CryoAttrs attributes;
    const CryoContext *parent;     /* instead of the thread's current context (context.h) */
    const CryoSpanContext *remote; /* parent in another program (propagation.h); if valid, wins */
    bool root;                     /* begins a trace of its own */
    uint64_t start_ns;             /* when it really began; 0: now */
    const CryoLink *links;
    size_t link_count;
    const CryoTracer *tracer; /* NULL: named after the service */
} CryoSpanOptions;

/* -- A span for the rest of the block ------------------------------------------------------------
 *
 * CRYO_SPAN(variable, "name", options...) starts a span, makes it the thread's current one, and
 * ends it when the enclosing block is left: at its end, by return, break or goto, but not by
 * longjmp, nor, unless compiled with -fexceptions, by pthread_exit or when the thread is cancelled.
 * `variable` is then its CryoSpan. The name is a string literal; options are members of
 * CryoSpanOptions as in `.kind = CRYO_SERVER, .attributes = CRYO_ATTRS("user.id", id)`, and they
 * are not evaluated when tracing is off.
 *
 * CRYO_TRACE_FUNCTION() does that for a function, named "file.c:function"; its first line.
 * CRYO_TRACE_FUNCTION_AS("name", options...) gives another name. Both add code.function.name,
 * code.file.path and code.line.number. The span itself is cryo_span_current() (context.h).
 *
 * Name, file and line live in a static CryoSite, which is copied at first use: a plugin that used
 * it may be unloaded afterwards, if it links the shared library: that one stays in memory, a copy
 * from the archive would go with the plugin while its worker runs.
 *
 * In C++ there are no such macros: call cryo_span_start() and cryo_span_end(). */
typedef struct CryoSite {
    const char *name; /* NULL: made of file and function */
    const char *file, *function;
    uint32_t line;
    uint32_t id; /* the library's, 0 until first use */
} CryoSite;

typedef struct CryoScope { /* the macros' own; opaque */
    CryoSpan span;
    uint64_t before[9]; /* not set where the span does nothing */
} CryoScope;

CRYO_API CryoSpan cryo_scope_enter(CryoScope *scope, CryoSite *site,
                                   const CryoSpanOptions *options);
CRYO_API void cryo_scope_end(CryoScope *scope); /* ends the span, restores the context before it */

extern CRYO_API unsigned char cryo_tracing; /* 0: nothing is recorded; the library's, read only */

static inline void cryo_scope_leave(CryoScope *scope)
{
    if (scope->span.slot)
        cryo_scope_end(scope);
}

#ifndef __cplusplus
/* clang-format off */
#define CRYO_SPAN(variable, ...)                                                                   \
    CRYO_SCOPE_(variable, CRYO_FIRST(__VA_ARGS__), "", __VA_ARGS__)

#define CRYO_TRACE_FUNCTION()                                                                      \
    CRYO_SCOPE_(cryo_function_span_, NULL, __func__, NULL)

#define CRYO_TRACE_FUNCTION_AS(...)                                                                \
    CRYO_SCOPE_(cryo_function_span_, CRYO_FIRST(__VA_ARGS__), __func__, __VA_ARGS__)

#define CRYO_SCOPE_(variable, name_, function_, ...)                                               \
    static CryoSite CRYO_PASTE(variable, _site) = { name_, __FILE__, function_, __LINE__, 0 };     \
    CryoScope CRYO_PASTE(variable, _scope) CRYO_CLEANUP(cryo_scope_leave);                         \
    const CryoSpan variable CRYO_UNUSED = CRYO_PASTE(variable, _scope).span =                      \
        !CRYO_RELAXED(cryo_tracing)                                                                \
            ? (CryoSpan){ NULL, 0 }                                                                \
            : cryo_scope_enter(&CRYO_PASTE(variable, _scope), &CRYO_PASTE(variable, _site),        \
                               &(const CryoSpanOptions){ .name = __VA_ARGS__ })
/* clang-format on */
#endif

/* -- Spans of any other shape: started here, ended there ----------------------------------------
 *
 * cryo_span_start() does not make the span current, and the span must be ended with
 * cryo_span_end(): one that never is keeps its memory, which is bounded (a kilobyte for most) and
 * counted. */
CRYO_API CryoSpan cryo_span_start_with(const CryoSpanOptions *options);

static inline CryoSpan cryo_span_start(const char *name, const CryoSpanOptions *options)
{
    CryoSpan none = { NULL, 0 };
    if (!CRYO_RELAXED(cryo_tracing))
        return none;
    CryoSpanOptions all;
    if (options)
        all = *options;
    else
        memset(&all, 0, sizeof(all));
    all.name = name;
    return cryo_span_start_with(&all);
}

CRYO_API void cryo_span_end_at(CryoSpan span, uint64_t end_ns); /* 0: now */

/* -- What a span says ---------------------------------------------------------------------------
 *
 * Limits (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT and its kin): 128 attributes, events and links; what
 * comes later is dropped and counted in the span. Setting a key again replaces its value, also
 * when the span is full. */
CRYO_API void cryo_span_set_now(CryoSpan span, CryoAttrs attributes);
CRYO_API void cryo_span_event_at(CryoSpan span, CryoString name, CryoAttrs attributes,
                                 uint64_t time_ns);
CRYO_API void cryo_span_link_to(CryoSpan span, const CryoLink *link);
CRYO_API void cryo_span_rename_to(CryoSpan span, CryoString name);
CRYO_API void cryo_span_status_to(CryoSpan span, CryoStatus status, CryoString description);

/* Records an event "exception" with exception.type, exception.message and, where given,
 * exception.stacktrace; equal keys among `attributes` win. It does not touch the status. */
typedef struct CryoException {
    CryoString type, message, stacktrace;
    CryoAttrs attributes;
} CryoException;
CRYO_API void cryo_span_exception_with(CryoSpan span, const CryoException *exception);

CRYO_API bool cryo_span_is_recording(CryoSpan span); /* false: unsampled, ended, or off */

/* Its identity; all zero when the span has ended or does nothing, so ask before the end. False
 * then, too. (The specification keeps it for ever; a CryoContext does that here.) */
CRYO_API bool cryo_span_context(CryoSpan span, CryoSpanContext *out);

/* A span that records nothing and stands for `context`, so that work here can become its child:
 * make it current, or hand it on. End it like any other, which frees its slot. */
CRYO_API CryoSpan cryo_span_wrap(const CryoSpanContext *context);

/* The tracer of a library or part of a program, by name (and version, which may be NULL). The same
 * pair gives the same tracer; it is valid until the process ends, never NULL, and owned by the
 * library. At most 1024 different ones; then the default one is given. */
CRYO_API const CryoTracer *cryo_tracer(const char *name, const char *version);

/* The ids in lower-case hexadecimal, with a zero byte. Return out. */
CRYO_API const char *cryo_trace_id_text(const CryoSpanContext *context,
                                        char out[CRYO_TRACE_ID_TEXT]);
CRYO_API const char *cryo_span_id_text(const CryoSpanContext *context, char out[CRYO_SPAN_ID_TEXT]);

static inline bool cryo_span_context_valid(const CryoSpanContext *context)
{
    static const uint8_t zero[16] = { 0 };
    return memcmp(context->trace_id, zero, 16) != 0 && memcmp(context->span_id, zero, 8) != 0;
}

/* The everyday forms. For a span that does nothing they do nothing, and in C the attributes of
 * cryo_span_set and cryo_span_event are then not even evaluated. */
static inline void cryo_span_end(CryoSpan span)
{
    if (span.slot)
        cryo_span_end_at(span, 0);
}
static inline void cryo_span_set(CryoSpan span, CryoAttrs attributes)
{
    if (span.slot)
        cryo_span_set_now(span, attributes);
}
static inline void cryo_span_event(CryoSpan span, const char *name, CryoAttrs attributes)
{
    if (span.slot)
        cryo_span_event_at(span, cryo_str(name), attributes, 0);
}
static inline void cryo_span_mark(CryoSpan span, const char *name) /* an event without attributes */
{
    CryoAttrs none = { NULL, 0 };
    cryo_span_event(span, name, none);
}
static inline void cryo_span_rename(CryoSpan span, const char *name)
{
    if (span.slot)
        cryo_span_rename_to(span, cryo_str(name));
}
/* The description counts only with CRYO_STATUS_ERROR and may be NULL. UNSET is ignored. */
static inline void cryo_span_status(CryoSpan span, CryoStatus status, const char *description)
{
    if (span.slot)
        cryo_span_status_to(span, status, cryo_str(description));
}
static inline void cryo_span_exception(CryoSpan span, const char *type, const char *message,
                                       const char *stacktrace)
{
    if (span.slot) {
        CryoException exception = {
            cryo_str(type), cryo_str(message), cryo_str(stacktrace), { NULL, 0 }
        };
        cryo_span_exception_with(span, &exception);
    }
}
/* The work failed: the exception and the error status in one. */
static inline void cryo_span_fail(CryoSpan span, const char *type, const char *message)
{
    cryo_span_exception(span, type, message, NULL);
    cryo_span_status(span, CRYO_STATUS_ERROR, message);
}

CRYO_END

#ifndef __cplusplus
/* clang-format off */
#define cryo_span_set(span, ...)                                                                   \
    CRYO_LET(const CryoSpan, cryo_span_, span,                                                     \
             if (cryo_span_.slot) cryo_span_set_now(cryo_span_, __VA_ARGS__))

#define cryo_span_event(span, name, ...)                                                           \
    CRYO_LET(const CryoSpan, cryo_span_, span,                                                     \
             if (cryo_span_.slot) cryo_span_event_at(cryo_span_, cryo_str(name), __VA_ARGS__, 0))
/* clang-format on */
#endif

#endif
