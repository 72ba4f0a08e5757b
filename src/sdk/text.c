/* text.c - gathering and repairing texts; see text.h. */
#include "sdk/text.h"

Str text_repaired(Str text, TextScratch *scratch)
{
    if (utf8_valid(text))
        return text;
    buf_clear(&scratch->repaired);
    for (size_t at = 0; at < text.len;) {
        size_t step = utf8_step(str_skip(text, at));
        Str good = str_first(str_skip(text, at), step);
        buf_add(&scratch->repaired, step ? good : STR("\xEF\xBF\xBD"));
        at += step ? step : 1;
    }
    return scratch->repaired.failed ? STR("") : buf_str(&scratch->repaired);
}

Str text_take(RecordPos *pos, size_t len, TextScratch *scratch)
{
    Str bytes = bytes_take(pos, len, &scratch->piece);
    return bytes.ptr ? text_repaired(bytes, scratch) : STR("");
}

void text_scratch_free(TextScratch *scratch)
{
    buf_free(&scratch->piece);
    buf_free(&scratch->repaired);
}
