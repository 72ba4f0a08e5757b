/* embedded.c - the table of the page's files.
 *
 * cmake/embed.cmake writes two files when the page is built: embedded_bytes.S holds each file's
 * compressed bytes between the labels web_bytes_<n> and web_bytes_<n>_end, and embedded_rows.inc
 * has a WEB_FILE(n, path, type, hash, size, cache) row for each, read twice below.
 */
#include "web/embedded.h"

#define WEB_FILE(n, path, type, hash, size, cache) \
    extern const char web_bytes_##n[], web_bytes_##n##_end[];
#include "web/embedded_rows.inc"
#undef WEB_FILE

typedef struct Row {
    Str path, type, etag, cache;
    const char *from, *to; /* a difference of two labels is no constant in C, so web_at makes it */
    size_t size;
} Row;

/* clang-format off */
static const Row rows[] = {
#define WEB_FILE(n, path, type, hash, size, cache)                                                 \
    { STR_ROW(path), STR_ROW(type), STR_ROW("W/\"" hash "\""), STR_ROW(cache),                     \
      web_bytes_##n, web_bytes_##n##_end, size },
#include "web/embedded_rows.inc"
#undef WEB_FILE
};
/* clang-format on */

bool web_at(size_t i, WebFile *out)
{
    if (i >= COUNT_OF(rows))
        return false;
    const Row *row = &rows[i];
    *out = (WebFile){
        .path = row->path,
        .content_type = row->type,
        .etag = row->etag,
        .cache_control = row->cache,
        .gzip = { row->from, (size_t)(row->to - row->from) },
        .size = row->size,
    };
    return true;
}

bool web_find(Str path, WebFile *out)
{
    for (size_t i = 0; web_at(i, out); i++) /* a handful of files: no index pays */
        if (str_eq(out->path, path))
            return true;
    return false;
}
