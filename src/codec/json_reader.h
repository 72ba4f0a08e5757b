/* json_reader.h - reads JSON (RFC 8259) from borrowed text, one value after another, as asked.
 *
 *     JsonReader json = json_reader(text);
 *     json_read_object(&json);
 *     while (json_read_key(&json, &key))
 *         if (str_eq(key, STR("name")))
 *             json_read_text(&json, &name);
 *         else
 *             json_skip(&json);
 *     bool ok = json_read_end(&json, err);
 *     json_reader_done(&json);
 *
 * Failure is sticky: every later call does nothing and returns false, so that loops end; ask
 * json_read_end() once. It says ERR_INPUT with line and column (in bytes, from 1), also for more
 * than JSON_READ_DEPTH levels, and ERR_MEMORY.
 *
 * Accepted is what the RFC's grammar says and nothing else: no comments, no comma before the end,
 * no byte order mark, nothing but white space behind the document. Of a surrogate without its other
 * half, which JavaScript writes for broken text, U+FFFD is read. Bytes that are not UTF-8 are
 * handed on as they are. Repeated keys are the caller's business. A number is handed out as its
 * letters, because only the caller knows which type it should fit: json_number.h.
 */
#ifndef CODEC_JSON_READER_H
#define CODEC_JSON_READER_H

#include "base/buf.h"

enum { JSON_READ_DEPTH = 100 }; /* also bounds the recursion of json_skip() and of callers */

typedef enum JsonKind {
    JSON_NO_VALUE, /* the text is over, or no value begins like this, or the reader failed */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_TEXT,
    JSON_NUMBER,
    JSON_BOOL,
    JSON_NULL
} JsonKind;

typedef struct JsonReader {
    const char *start, *at, *end;
    const char *token; /* where what was read last begins */
    uint32_t depth;
    bool first;    /* nothing was read yet of the innermost object or array */
    bool failed;   /* sticky */
    Buf unescaped; /* the last text that had escapes */
    Err err;       /* why it failed */
} JsonReader;

JsonReader json_reader(Str text);
void json_reader_done(JsonReader *reader);

JsonKind json_peek(JsonReader *reader); /* of the value that is next; takes nothing */

bool json_read_object(JsonReader *reader);
bool json_read_key(JsonReader *reader,
                   Str *key); /* false: the object is over and left, or failed */
bool json_read_array(JsonReader *reader);
bool json_read_element(JsonReader *reader); /* true: a value is next; false: as above */

/* A key or text borrows from the JSON or from the reader: it lives until the next one is read. */
bool json_read_text(JsonReader *reader, Str *out);
bool json_read_number(JsonReader *reader, Str *letters);
bool json_read_bool(JsonReader *reader, bool *out);
bool json_read_null(JsonReader *reader);
bool json_skip(JsonReader *reader); /* one value, whatever it is, to its end */

/* What was read last cannot be what it should: "line 3, column 7: " and the sentence. False. */
bool json_read_fail(JsonReader *reader, ErrKind kind, const char *format, ...) PRINTF(3, 4);

/* True when nothing failed and nothing but white space is left. */
CHECKED bool json_read_end(JsonReader *reader, Err *err);

/* Appends the bytes that base64 stands for; either alphabet, with or without padding. False: it is
 * not base64. */
CHECKED bool json_unbase64(Str text, Buf *out);

#endif
