/* h2_frames.c - see h2_frames.h. */
#include "support/h2_frames.h"

void h2_add(Buf *out, H2Frame frame, Str payload)
{
    const char head[9] = {
        (char)(payload.len >> 16), (char)(payload.len >> 8), (char)payload.len,
        (char)frame.type,          (char)frame.flags,        (char)(frame.id >> 24),
        (char)(frame.id >> 16),    (char)(frame.id >> 8),    (char)frame.id
    };
    buf_add(out, (Str){ head, sizeof head });
    buf_add(out, payload);
}

void h2_add_start(Buf *out)
{
    buf_add(out, STR(H2_PREFACE));
    h2_add(out, (H2Frame){ H2_SETTINGS, 0, 0 }, STR(""));
}

size_t h2_count(Str bytes, uint8_t type, Str *last)
{
    size_t count = 0;
    while (bytes.len >= 9) {
        const unsigned char *b = (const unsigned char *)bytes.ptr;
        size_t size = (size_t)b[0] << 16 | (size_t)b[1] << 8 | b[2];
        if (b[3] == type) {
            count++;
            *last = str_first(str_skip(bytes, 9), size);
        }
        bytes = str_skip(bytes, 9 + size);
    }
    return count;
}
