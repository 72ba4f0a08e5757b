/* json.h - writes JSON into a Buf, one value after another, commas and colons included.
 *
 *     JsonWriter json = json_writer(&out);
 *     json_object(&json);
 *     json_key(&json, STR("name")), json_text(&json, name);
 *     json_end(&json);
 *     return json_done(&json, err);
 *
 * Text is escaped as RFC 8259 asks, and also < > & U+2028 U+2029, so that a document may stand
 * inside a page; bytes that are not UTF-8 become U+FFFD. Doubles are the shortest text that reads
 * back as the same number (save for denormal ones, which get 15 digits). Nesting is bounded by
 * JSON_DEPTH; misuse (a value where a key belongs) is a bug of ours and asserted. Failure is
 * sticky; ask json_done() once at the end.
 */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "base/buf.h"

enum {
    JSON_DEPTH = 192, /* the deepest batch takes 154 (otlp/batch.h: arrays of arrays) */
    JSON_DOUBLE_SIZE = 32
};

typedef struct JsonWriter {
    Buf *out;
    uint32_t depth;
    bool first;                        /* nothing yet in the innermost object or array */
    bool keyed;                        /* a key waits for its value */
    bool too_deep;                     /* sticky */
    uint64_t objects[JSON_DEPTH / 64]; /* bit per level: object, else array */
} JsonWriter;

JsonWriter json_writer(Buf *out);

void json_object(JsonWriter *json);
void json_array(JsonWriter *json);
void json_end(JsonWriter *json); /* closes the innermost of either */
void json_key(JsonWriter *json, Str key);

void json_text(JsonWriter *json, Str text);
void json_bool(JsonWriter *json, bool value);
void json_null(JsonWriter *json);
void json_i64(JsonWriter *json, int64_t value);
void json_u64(JsonWriter *json, uint64_t value);
void json_i64_text(JsonWriter *json, int64_t value); /* "123": exact in every reader */
void json_u64_text(JsonWriter *json, uint64_t value);
void json_double(JsonWriter *json, double value); /* "NaN", "Infinity", "-Infinity" as text */
void json_hex(JsonWriter *json, const void *bytes, size_t count);
void json_base64(JsonWriter *json, Str bytes);
void json_raw(JsonWriter *json, Str value); /* already JSON, of our own making */

/* ERR_LIMIT when it nests too deep or meets the Buf's ceiling, ERR_MEMORY. */
CHECKED bool json_done(const JsonWriter *json, Err *err);

/* The text of a finite double; returns its length. */
size_t json_double_text(double value, char out[JSON_DOUBLE_SIZE]);

#endif
