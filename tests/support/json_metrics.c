/* json_metrics.c - see json_metrics.h. */
#include "support/json_metrics.h"

#include "otlp/json_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TEXT_MAX = 16 << 20 };

Batch *json_metrics(const char *json)
{
    Err err = { 0 };
    Buf text = BUF(TEXT_MAX), bytes = BUF(TEXT_MAX);
    for (const char *c = json; *c; c++)
        buf_add_byte(&text, *c == '\'' ? '"' : *c);
    if (!otlp_json_read(METRICS, buf_str(&text), &bytes, &err))
        fail_msg("%s\n%s", err.text, buf_text(&text));
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    buf_free(&text);
    buf_free(&bytes);
    return batch;
}
