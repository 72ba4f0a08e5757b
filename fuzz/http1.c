/* http1.c - any bytes as HTTP/1.1, to both sides of the engine: whole, byte by byte, and cut at a
 * place that the bytes choose; what it makes of them must not depend on the cuts. */
#include "net/http1_transcript.h"

#include <stdlib.h>

static void try_role(Http1Role role, Str bytes)
{
    Transcript whole, bytewise, cut;
    size_t split = bytes.len ? (unsigned char)*bytes.ptr % (bytes.len + 1) : 0;
    if (!transcript_make(&whole, role, bytes, bytes.len, 0) ||
        !transcript_make(&bytewise, role, bytes, 0, 1) ||
        !transcript_make(&cut, role, bytes, split, 0))
        abort();
    if (!str_eq(buf_str(&whole.text), buf_str(&bytewise.text)) ||
        !str_eq(buf_str(&whole.text), buf_str(&cut.text)))
        abort();
    transcript_done(&whole);
    transcript_done(&bytewise);
    transcript_done(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Str bytes = { (const char *)data, size };
    try_role(HTTP1_SERVER, bytes);
    try_role(HTTP1_CLIENT, bytes);
    return 0;
}
