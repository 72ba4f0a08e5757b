/* http1_transcript.h - what the HTTP/1.1 engine makes of some bytes, as text; shared by its test
 * and its fuzzer. However the bytes are cut, the transcript must be the same. */
#ifndef TESTS_NET_HTTP1_TRANSCRIPT_H
#define TESTS_NET_HTTP1_TRANSCRIPT_H

#include "net/http1.h"

typedef struct Transcript {
    Http1 *engine;
    Buf text;
    size_t body; /* bytes of the current message */
    Http1Result result;
} Transcript;

static inline bool transcript_head(void *owner)
{
    Transcript *t = owner;
    const HttpFields *fields = http1_fields(t->engine);
    buf_addf(&t->text, "head %d 1.%d", http1_status(t->engine), http1_minor(t->engine));
    for (size_t i = 0; i < fields->count; i++) {
        HttpField field = http_fields_at(fields, i);
        buf_addf(&t->text, "|%.*s=%.*s", STR_ARG(field.name), STR_ARG(field.value));
    }
    buf_add(&t->text, STR("\n"));
    return true;
}

static inline bool transcript_body(void *owner, Str bytes)
{
    Transcript *t = owner;
    t->body += bytes.len;
    buf_add(&t->text, bytes);
    return true;
}

static const Http1Events transcript_events = { transcript_head, transcript_body };

static inline void transcript_feed(Transcript *t, Str bytes)
{
    Err err = { 0 };
    while (bytes.len > 0 && t->result != HTTP1_BAD) {
        t->result = http1_feed(t->engine, &bytes, &err);
        if (t->result == HTTP1_BAD)
            buf_addf(&t->text, "\nbad %s\n", err_kind_name(err.kind));
        if (t->result != HTTP1_MESSAGE)
            continue;
        buf_addf(&t->text, "\nend %zu %s\n", t->body,
                 http1_keeps_alive(t->engine) ? "keep" : "close");
        t->body = 0;
        http1_next(t->engine);
    }
}

/* The bytes in pieces: first those before `split`, then the rest; or, when step is not 0, `step` at
 * a time. False: no memory. */
static inline bool transcript_make(Transcript *t, Http1Role role, Str bytes, size_t split,
                                   size_t step)
{
    Err err = { 0 };
    *t = (Transcript){ .engine = http1_new(role, 4096, &err), .text = BUF(64 << 20) };
    if (!t->engine)
        return false;
    http1_bind(t->engine, &transcript_events, t);
    for (size_t at = 0; step > 0 && at < bytes.len; at += step)
        transcript_feed(t, str_first(str_skip(bytes, at), step));
    if (step == 0) {
        transcript_feed(t, str_first(bytes, split));
        transcript_feed(t, str_skip(bytes, split));
    }
    if (t->result != HTTP1_BAD)
        buf_addf(&t->text, "\nclosed %d\n", (int)http1_finish(t->engine, &err));
    return !t->text.failed;
}

static inline void transcript_done(Transcript *t)
{
    http1_free(t->engine);
    buf_free(&t->text);
}

#endif
