/* json.c - any bytes as JSON: what is read and written again reads as the same; skipping a document
 * accepts exactly what reading it does. */
#include "codec/json_echo.h"
#include "codec/json_number.h"

#include <stdlib.h>

enum { OUT_MAX = 16 << 20 };

static bool read_again(Str text, Buf *out)
{
    Err err;
    JsonReader reader = json_reader(text);
    JsonWriter writer = json_writer(out);
    json_echo(&reader, &writer);
    bool ok = json_read_end(&reader, &err);
    json_reader_done(&reader);
    return ok;
}

static bool skip(Str text)
{
    Err err;
    JsonReader reader = json_reader(text);
    json_skip(&reader);
    bool ok = json_read_end(&reader, &err);
    json_reader_done(&reader);
    return ok;
}

/* An integer is worth the same as a double, as far as that one goes. */
static void check_number(Str text)
{
    int64_t integer;
    double real;
    if (!json_number_length(text) || !json_number_i64(text, &integer))
        return;
    if (json_number_length(text) != text.len)
        abort();
    if (json_number_double(text, &real) && real != (double)integer)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Str text = { (const char *)data, size };
    Buf once = BUF(OUT_MAX), twice = BUF(OUT_MAX), bytes = BUF(OUT_MAX);
    bool ok = read_again(text, &once);
    if (ok != skip(text))
        abort();
    if (ok && (!read_again(buf_str(&once), &twice) || !str_eq(buf_str(&once), buf_str(&twice))))
        abort();
    if (!json_unbase64(text, &bytes) && bytes.len > size)
        abort();
    check_number(text);
    buf_free(&bytes);
    buf_free(&twice);
    buf_free(&once);
    return 0;
}
