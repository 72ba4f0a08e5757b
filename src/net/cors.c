/* cors.c - see cors.h. */
#include "net/cors.h"

#include "base/arena.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 256 * 1024, LINE_MAX = 16 * 1024 };

typedef struct Pattern { /* an origin: before and behind its '*' */
    Str head, tail;
    bool has_star;
} Pattern;

struct Cors {
    Arena *arena;
    Pattern *origins;
    Str *headers;
    size_t origin_count, header_count;
    bool any_origin, any_header;
    Str exposed; /* "X-A, X-B" */
    char max_age[24];
};

static const Str always_allowed[] = { STR_ROW("accept"), STR_ROW("content-type"),
                                      STR_ROW("x-requested-with") };
static const Str methods[] = { STR_ROW("GET"), STR_ROW("POST"), STR_ROW("HEAD") };

/* ---- settings ---- */

static Pattern pattern_of(Str text)
{
    const char *star = text.len ? memchr(text.ptr, '*', text.len) : NULL;
    if (!star)
        return (Pattern){ .head = text };
    size_t at = (size_t)(star - text.ptr);
    return (Pattern){ str_first(text, at), str_skip(text, at + 1), true };
}

static bool copy_origins(Cors *cors, const CorsSettings *settings, Err *err)
{
    size_t count = settings->allowed_origin_count;
    cors->origins = arena_alloc(cors->arena, count, sizeof *cors->origins, err);
    for (size_t i = 0; cors->origins && i < count; i++) {
        Str text;
        if (!arena_copy(cors->arena, settings->allowed_origins[i], &text, err))
            return false;
        cors->origins[cors->origin_count++] = pattern_of(text);
        if (str_eq(text, STR("*")))
            cors->any_origin = true;
    }
    return cors->origins != NULL;
}

static bool copy_headers(Cors *cors, const CorsSettings *settings, Err *err)
{
    size_t count = settings->allowed_header_count;
    cors->headers = arena_alloc(cors->arena, count, sizeof *cors->headers, err);
    for (size_t i = 0; cors->headers && i < count; i++) {
        if (!arena_copy(cors->arena, settings->allowed_headers[i],
                        &cors->headers[cors->header_count++], err))
            return false;
        if (str_eq(settings->allowed_headers[i], STR("*")))
            cors->any_header = true;
    }
    return cors->headers != NULL;
}

static bool copy_exposed(Cors *cors, const CorsSettings *settings, Err *err)
{
    Buf line = BUF(LINE_MAX);
    for (size_t i = 0; i < settings->exposed_header_count; i++)
        buf_addf(&line, "%s%.*s", i ? ", " : "", STR_ARG(settings->exposed_headers[i]));
    bool ok = buf_ok(&line, err) && arena_copy(cors->arena, buf_str(&line), &cors->exposed, err);
    buf_free(&line);
    return ok;
}

Cors *cors_new(const CorsSettings *settings, Err *err)
{
    Cors *cors = MEM_MAKE(Cors, 1, err);
    if (!cors)
        return NULL;
    cors->arena = arena_new(TEXT_MAX, err);
    if (settings->max_age_s)
        snprintf(cors->max_age, sizeof cors->max_age, "%" PRIu64, settings->max_age_s);
    if (cors->arena && copy_origins(cors, settings, err) && copy_headers(cors, settings, err) &&
        copy_exposed(cors, settings, err))
        return cors;
    blame(err, "cors");
    cors_free(cors);
    return NULL;
}

void cors_free(Cors *cors)
{
    if (cors)
        arena_free(cors->arena);
    mem_free(cors);
}

/* ---- who and what is allowed ---- */

static bool pattern_matches(const Pattern *pattern, Str origin)
{
    if (!pattern->has_star)
        return str_eq_nocase(pattern->head, origin);
    size_t fixed = pattern->head.len + pattern->tail.len;
    return origin.len >= fixed &&
           str_eq_nocase(str_first(origin, pattern->head.len), pattern->head) &&
           str_eq_nocase(str_skip(origin, origin.len - pattern->tail.len), pattern->tail);
}

bool cors_allows(const Cors *cors, Str origin)
{
    for (size_t i = 0; i < cors->origin_count; i++)
        if (pattern_matches(&cors->origins[i], origin))
            return true;
    return false;
}

static bool is_among(const Str *names, size_t count, Str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(names[i], name))
            return true;
    return false;
}

static bool headers_are_allowed(const Cors *cors, Str list)
{
    Str name;
    while (!cors->any_header && str_split(&list, ',', &name)) {
        name = str_trim(name);
        if (name.len && !is_among(always_allowed, COUNT_OF(always_allowed), name) &&
            !is_among(cors->headers, cors->header_count, name))
            return false;
    }
    return true;
}

/* ---- answers ---- */

/* Caches between us and the browser must not give one origin's answer to another. */
static bool add_origin(const Cors *cors, Str origin, HttpFields *reply, Err *err)
{
    return http_fields_add(reply, STR("access-control-allow-origin"),
                           cors->any_origin ? STR("*") : origin, err) &&
           http_fields_add(reply, STR("access-control-allow-credentials"), STR("true"), err);
}

static void answer_preflight(const Cors *cors, const HttpFields *request, HttpFields *reply)
{
    Err err = { 0 };
    Str origin = http_fields_get(request, STR("origin"));
    Str method = http_fields_get(request, STR("access-control-request-method"));
    Str headers = http_fields_get(request, STR("access-control-request-headers"));
    if (!http_fields_add(reply, STR("vary"),
                         STR("Origin, Access-Control-Request-Method, "
                             "Access-Control-Request-Headers"),
                         &err) ||
        !origin.len || !cors_allows(cors, origin) ||
        !is_among(methods, COUNT_OF(methods), method) || !headers_are_allowed(cors, headers))
        return;
    bool ok = http_fields_add(reply, STR("access-control-allow-methods"), method, &err) &&
              (!headers.len ||
               http_fields_add(reply, STR("access-control-allow-headers"), headers, &err)) &&
              (!cors->max_age[0] || http_fields_add(reply, STR("access-control-max-age"),
                                                    str_from(cors->max_age), &err));
    if (ok)
        (void)!add_origin(cors, origin, reply, &err);
}

CorsAnswer cors_apply(const Cors *cors, const HttpFields *request, HttpFields *reply)
{
    Err err = { 0 };
    Str method = http_fields_get(request, STR(":method"));
    if (str_eq(method, STR("OPTIONS")) &&
        http_fields_get(request, STR("access-control-request-method")).ptr) {
        answer_preflight(cors, request, reply);
        return CORS_PREFLIGHT;
    }
    Str origin = http_fields_get(request, STR("origin"));
    if (http_fields_add(reply, STR("vary"), STR("Origin"), &err) && origin.len &&
        cors_allows(cors, origin) && add_origin(cors, origin, reply, &err) && cors->exposed.len)
        (void)!http_fields_add(reply, STR("access-control-expose-headers"), cors->exposed, &err);
    return CORS_GO_ON;
}
