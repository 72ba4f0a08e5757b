/* http.h - what HTTP/1.1 and HTTP/2 share: fields, status lines, small helpers on their text.
 *
 * An HttpFields owns a list of header fields, bounded the way HTTP/2 counts them: name + value + 32
 * bytes each. With a purse in its text (http_fields_charge) all that it takes is charged. Names are
 * kept in lower case, so lookups by lower-case literal are exact.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

typedef struct HttpField {
    Str name, value;
} HttpField;

typedef struct HttpFieldSpan { /* offsets into HttpFields.text */
    uint32_t name, name_len, value, value_len;
} HttpFieldSpan;

typedef struct HttpFields {
    Buf text;
    HttpFieldSpan *spans;
    size_t count, cap;
    size_t charged, max; /* in HTTP/2's count */
} HttpFields;

enum { HTTP_FIELD_OVERHEAD = 32 };

void http_fields_init(HttpFields *fields, size_t max);
void http_fields_charge(HttpFields *fields, Purse *purse); /* while it is empty */
void http_fields_done(HttpFields *fields);                 /* empty, same ceiling and purse */
void http_fields_clear(HttpFields *fields);                /* empty again, memory kept */
/* Copies both. ERR_LIMIT beyond max. */
CHECKED bool http_fields_add(HttpFields *fields, Str name, Str value, Err *err);
/* The same, in the place of all those of that name. */
CHECKED bool http_fields_set(HttpFields *fields, Str lower_case_name, Str value, Err *err);
void http_fields_remove(HttpFields *fields, Str lower_case_name); /* all of them */
/* Control characters in values become spaces: for what is to be sent. */
void http_fields_clean(HttpFields *fields);
HttpField http_fields_at(const HttpFields *fields, size_t i); /* valid until the next add */
Str http_fields_get(const HttpFields *fields, Str name); /* first of that name; ptr NULL: none */

/* "application/json; charset=utf-8" is of type "application/json"; case does not count. */
PURE bool http_media_type_is(Str content_type, Str type);
/* Is `token` among the comma-separated values? Parameters such as ";q=0.5" are passed over, and
 * "q=0" means no. */
PURE bool http_list_has(Str list, Str token);
/* Seconds or an HTTP date, as Retry-After has it; 0 when it is neither or already past. */
uint32_t http_retry_after_ms(Str value, int64_t wall_now_ns);

/* The value of `name` in "a=1&b=x%20y", decoded ('+' is a space) into out. False: not there, or
 * badly encoded. The n-th of that name, from 0. */
CHECKED bool http_query_get(Str query, Str name, size_t nth, Buf *out);
CHECKED bool http_percent_decode(Str text, Buf *out); /* '+' stays; false: badly encoded */

const char *http_status_text(int status); /* "Not Found"; "Unknown" */

#endif
