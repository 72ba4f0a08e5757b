/* decode.c - OTLP messages as our decoder reads them, for decode.py to compare.
 *
 *   stdin    a signal (0 traces, 1 metrics, 2 logs), a length, so many bytes; until it ends
 *   stdout   for each message '+' or '-', a length, and OTLP/JSON, or why it is refused
 *
 * Lengths are 32 bits, little endian.
 */
#include "base/attributes.h"
#include "codec/wire.h"
#include "otlp/json_out.h"

#include <stdio.h>

enum { MESSAGE_MAX = 1 << 26, JSON_MAX = 1 << 29 };

static int complain(const char *what)
{
    fprintf(stderr, "decode: %s\n", what);
    return 1;
}

/* One message into `bytes`, its signal behind it; EOF: there is none. */
static int read_message(Buf *bytes)
{
    char length[4];
    int signal = getchar();
    if (signal == EOF || fread(length, 1, sizeof length, stdin) != sizeof length)
        return EOF;
    uint32_t size = wire_load_u32(length);
    buf_clear(bytes);
    char *at = buf_reserve(bytes, (size_t)size + 1); /* a message may be empty */
    if (!at || fread(at, 1, size, stdin) != size)
        return EOF;
    bytes->len = size;
    return signal;
}

static void answer(char verdict, Str text)
{
    char length[4];
    wire_put_u32(length, (uint32_t)text.len);
    putchar(verdict);
    fwrite(length, 1, sizeof length, stdout);
    fwrite(text.ptr, 1, text.len, stdout);
}

int main(void)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    Buf bytes = BUF(MESSAGE_MAX), json = BUF(JSON_MAX);
    for (int signal; (signal = read_message(&bytes)) != EOF;) {
        Err err;
        if (signal < 0 || (size_t)signal >= COUNT_OF(signals))
            return complain("no such signal");
        Batch *batch = batch_from_copy(signals[signal], buf_str(&bytes), &err);
        buf_clear(&json);
        if (batch && !otlp_json_write(batch, &json, &err))
            return complain(err.text);
        if (batch)
            answer('+', buf_str(&json));
        else
            answer('-', str_from(err.text));
        batch_unref(batch);
    }
    buf_free(&bytes);
    buf_free(&json);
    return fflush(stdout) ? complain("writing failed") : 0;
}
