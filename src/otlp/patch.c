/* patch.c - replaces pieces of nested messages; see patch_internal.h. */
#include "otlp/patch_internal.h"

#include "base/mem.h"
#include "codec/wire.h"

#include <assert.h>
#include <stdlib.h>

bool patch_init(Patch *patch, const Buf *like, size_t limit, Err *err)
{
    *patch = (Patch){ .limit = limit, .like = like };
    patch->arena = like->forced ? arena_new_forced(like->purse, limit, err)
                                : arena_new_in(like->purse, limit, err);
    return patch->arena;
}

void patch_done(Patch *patch)
{
    if (patch->like)
        purse_give(patch->like->purse, patch->wrap_cap * sizeof *patch->wraps +
                                           patch->piece_cap * sizeof *patch->pieces);
    arena_free(patch->arena);
    mem_free(patch->wraps);
    mem_free(patch->pieces);
    *patch = (Patch){ 0 };
}

enum { FIRST_CAPACITY = 16 };

typedef struct Growth {
    size_t size, limit; /* of one, of all */
    const Buf *like;    /* who pays */
} Growth;

/* Doubles `items`, else takes what the limit leaves. */
static bool make_room(void **items, size_t *cap, size_t count, Growth growth, Err *err)
{
    if (count < *cap)
        return true;
    size_t most = growth.limit / growth.size, more = *cap ? *cap * 2 : FIRST_CAPACITY;
    more = more < most ? more : most;
    if (more <= count)
        return fail(err, ERR_LIMIT, "more than %zu changes to one message", count);
    size_t size = (more - *cap) * growth.size;
    if (!purse_pay(growth.like->purse, growth.like->forced, size))
        return budget_short(err, "changes to one message", more * growth.size);
    void *grown = mem_grow(*items, more * growth.size);
    if (!grown) {
        purse_give(growth.like->purse, size);
        return fail(err, ERR_MEMORY, "no memory for %zu changes", more);
    }
    *items = grown;
    *cap = more;
    return true;
}

bool patch_wrap(Patch *patch, PatchWrap message, uint32_t *wrap, Err *err)
{
    void *items = patch->wraps;
    bool ok = make_room(&items, &patch->wrap_cap, patch->wrap_count,
                        (Growth){ sizeof message, patch->limit, patch->like }, err);
    patch->wraps = items;
    if (!ok)
        return false;
    assert(message.parent == PATCH_TOP || message.parent < patch->wrap_count);
    *wrap = (uint32_t)patch->wrap_count;
    patch->wraps[patch->wrap_count++] = message;
    return true;
}

bool patch_piece(Patch *patch, PatchPiece piece, Err *err)
{
    void *items = patch->pieces;
    bool ok = make_room(&items, &patch->piece_cap, patch->piece_count,
                        (Growth){ sizeof piece, patch->limit, patch->like }, err);
    patch->pieces = items;
    if (!ok)
        return false;
    piece.order = (uint32_t)patch->piece_count;
    patch->pieces[patch->piece_count++] = piece;
    return true;
}

static void grow_parent(Patch *patch, uint32_t wrap, int64_t by)
{
    if (wrap != PATCH_TOP)
        patch->wraps[wrap].grows += by;
}

/* Children were noted after their parents, so backwards every wrap is complete when met. */
static bool renew_prefixes(Patch *patch, Err *err)
{
    for (size_t i = 0; i < patch->piece_count; i++) {
        const PatchPiece *piece = &patch->pieces[i];
        grow_parent(patch, piece->wrap, (int64_t)piece->with.len - (int64_t)piece->cut);
    }
    for (size_t i = patch->wrap_count; i-- > 0;) {
        PatchWrap *wrap = &patch->wraps[i];
        uint64_t len = (uint64_t)((int64_t)(wrap->end - wrap->body) + wrap->grows);
        const char *end = wire_put_varint(wrap->bytes, len);
        PatchPiece prefix = { .at = wrap->prefix,
                              .cut = wrap->body - wrap->prefix,
                              .with = { wrap->bytes, (size_t)(end - wrap->bytes) } };
        int64_t by = wrap->grows + (int64_t)prefix.with.len - (int64_t)prefix.cut;
        grow_parent(patch, wrap->parent, by);
        if (!patch_piece(patch, prefix, err))
            return false;
    }
    return true;
}

/* What is put in where a message ends comes before the field that is cut out behind it. */
static int by_place(const void *left, const void *right)
{
    const PatchPiece *a = left, *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (!a->cut != !b->cut)
        return !a->cut ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

bool patch_apply(Patch *patch, Str bytes, Buf *out, Err *err)
{
    if (!renew_prefixes(patch, err))
        return false;
    if (patch->piece_count)
        qsort(patch->pieces, patch->piece_count, sizeof *patch->pieces, by_place);
    size_t size = bytes.len;
    for (size_t i = 0; i < patch->piece_count; i++)
        size += patch->pieces[i].with.len;
    if (size)
        buf_reserve(out, size < out->max - out->len ? size : out->max - out->len);
    size_t at = 0;
    for (size_t i = 0; i < patch->piece_count; i++) {
        const PatchPiece *piece = &patch->pieces[i];
        assert(piece->at >= at);
        buf_add(out, (Str){ bytes.ptr + at, piece->at - at });
        buf_add(out, piece->with);
        at = piece->at + piece->cut;
    }
    buf_add(out, str_skip(bytes, at));
    return buf_ok(out, err);
}
