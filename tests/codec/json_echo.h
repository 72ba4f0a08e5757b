/* json_echo.h - reads one JSON value and writes it again; for the reader's test and its fuzzer. */
#ifndef TESTS_CODEC_JSON_ECHO_H
#define TESTS_CODEC_JSON_ECHO_H

#include "codec/json.h"
#include "codec/json_reader.h"

/* Reads one value whatever it is and writes it again: what was understood, in one spelling. */
static inline void json_echo(JsonReader *reader, JsonWriter *writer)
{
    Str text;
    bool either;
    switch (json_peek(reader)) {
    case JSON_OBJECT:
        json_read_object(reader);
        json_object(writer);
        while (json_read_key(reader, &text)) {
            json_key(writer, text);
            json_echo(reader, writer);
        }
        if (!reader->failed)
            json_end(writer);
        break;
    case JSON_ARRAY:
        json_read_array(reader);
        json_array(writer);
        while (json_read_element(reader))
            json_echo(reader, writer);
        if (!reader->failed)
            json_end(writer);
        break;
    case JSON_TEXT:
        if (json_read_text(reader, &text))
            json_text(writer, text);
        break;
    case JSON_NUMBER:
        if (json_read_number(reader, &text))
            json_raw(writer, text);
        break;
    case JSON_BOOL:
        if (json_read_bool(reader, &either))
            json_bool(writer, either);
        break;
    case JSON_NULL:
        if (json_read_null(reader))
            json_null(writer);
        break;
    case JSON_NO_VALUE:
    default: json_skip(reader);
    }
}

#endif
