/* piece.c - tries with more and more room; see piece_internal.h. */
#include "compress/piece_internal.h"

enum { ROOM_MIN = 1024, ROOM_FACTOR = 4 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t first_room(const Piece *piece, size_t most)
{
    size_t size = piece->in.len, guess = piece->guess > size ? piece->guess : size;
    size_t justified = size > SIZE_MAX / (2 * PIECE_RATIO) ? SIZE_MAX : size * PIECE_RATIO;
    return smaller(smaller(guess, justified + ROOM_MIN), most);
}

static size_t next_room(size_t room, size_t most)
{
    return room > most / ROOM_FACTOR ? most : smaller(room * ROOM_FACTOR + ROOM_MIN, most);
}

static bool over_ceiling(Buf *out, Err *err)
{
    out->failed = out->over_max = true;
    return buf_ok(out, err);
}

bool piece_expand(Piece *piece, void *context, Buf *out, Err *err)
{
    size_t most = out->max - out->len, made;
    char nothing; /* an empty piece fits into no room at all, but has an address */
    for (size_t room = first_room(piece, most);; room = next_room(room, most)) {
        if (room > 0 && !buf_reserve_exact(out, room))
            return buf_ok(out, err);
        room = out->cap - out->len;
        switch (piece->decode(context, piece, room ? out->ptr + out->len : &nothing, room, &made)) {
        case PIECE_WHOLE: out->len += made; return true;
        case PIECE_WANTS_ROOM:
            if (room >= most)
                return over_ceiling(out, err);
            break;
        case PIECE_NO_MEMORY: return fail(err, ERR_MEMORY, "no memory to decompress");
        case PIECE_DAMAGED:
        default:
            return fail(err, ERR_INPUT, "the %s at byte %zu is damaged or cut short", piece->what,
                        piece->place);
        }
    }
}
