/* payload.c - bytes on their way out; see payload_internal.h. */
#include "net/payload_internal.h"

#include <string.h>

static bool is_in_pieces(const Payload *payload)
{
    return payload->pieces && !payload->owned.len;
}

static Str body_of(const Payload *payload)
{
    return payload->owned.len ? buf_str(&payload->owned) : payload->borrowed;
}

static bool encode(Payload *payload, Str plain, const Encoding *encoding, Err *err)
{
    payload->owned = BUF(encoding_most(plain.len));
    return encoding->encode(plain, &payload->owned, err) || blame(err, "compressing the request");
}

/* Encodings want their input in one place. */
static bool encode_joined(Payload *payload, const Encoding *encoding, Err *err)
{
    Buf plain = BUF(payload->pieces_size);
    if (payload->pieces_size)
        buf_reserve_exact(&plain, payload->pieces_size);
    for (size_t i = 0; i < payload->piece_count; i++)
        buf_add(&plain, payload->pieces[i]);
    bool ok = buf_ok(&plain, err) && encode(payload, buf_str(&plain), encoding, err);
    buf_free(&plain);
    return ok;
}

bool payload_lend(Payload *payload, const Str *pieces, size_t count, const Encoding *encoding,
                  Err *err)
{
    payload->pieces = pieces;
    payload->piece_count = count;
    for (size_t i = 0; i < count; i++)
        payload->pieces_size += pieces[i].len;
    if (!encoding)
        return true;
    return count == 1 ? encode(payload, pieces[0], encoding, err)
                      : encode_joined(payload, encoding, err);
}

size_t payload_size(const Payload *payload)
{
    return payload->prefix_len +
           (is_in_pieces(payload) ? payload->pieces_size : body_of(payload).len);
}

size_t payload_left(const Payload *payload)
{
    return payload_size(payload) - payload->sent;
}

static size_t copy_some(Payload *payload, Str from, void *out, size_t size)
{
    Str part = str_first(from, size);
    if (part.len > 0)
        memcpy(out, part.ptr, part.len);
    payload->sent += part.len;
    return part.len;
}

static size_t copy_pieces(Payload *payload, char *out, size_t size)
{
    size_t copied = 0;
    while (copied < size && payload->piece < payload->piece_count) {
        Str piece = payload->pieces[payload->piece];
        size_t n =
            copy_some(payload, str_skip(piece, payload->piece_sent), out + copied, size - copied);
        copied += n;
        payload->piece_sent += n;
        if (payload->piece_sent < piece.len)
            break;
        payload->piece++;
        payload->piece_sent = 0;
    }
    return copied;
}

size_t payload_read(Payload *payload, void *out, size_t size)
{
    size_t copied = 0;
    if (payload->sent < payload->prefix_len) {
        Str prefix = { (const char *)payload->prefix, payload->prefix_len };
        copied = copy_some(payload, str_skip(prefix, payload->sent), out, size);
    }
    if (payload->sent < payload->prefix_len)
        return copied;
    char *rest = (char *)out + copied;
    if (is_in_pieces(payload))
        return copied + copy_pieces(payload, rest, size - copied);
    Str body = str_skip(body_of(payload), payload->sent - payload->prefix_len);
    return copied + copy_some(payload, body, rest, size - copied);
}

void payload_rewind(Payload *payload)
{
    payload->sent = payload->piece = payload->piece_sent = 0;
}

void payload_done(Payload *payload)
{
    buf_free(&payload->owned);
    *payload = (Payload){ .owned = BUF(0) };
}
