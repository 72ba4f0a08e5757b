/* credential.c - see credential.h. */
#include "extensions/credential.h"

#include <string.h>

bool secret_equal(Str given, Str known)
{
    /* volatile: the compiler may not find out that the answer is known and stop. */
    volatile unsigned differs = given.len != known.len;
    for (size_t i = 0; i < given.len; i++) {
        unsigned char wanted = known.len ? (unsigned char)known.ptr[i % known.len] : 0;
        differs |= (unsigned)((unsigned char)given.ptr[i] ^ wanted);
    }
    return !differs;
}

Str credential_behind(Str field, Str scheme)
{
    if (!scheme.len || !field.ptr)
        return field;
    Str rest = str_skip(field, scheme.len);
    if (!str_eq_nocase(str_first(field, scheme.len), scheme) || !str_starts(rest, STR(" ")))
        return (Str){ 0 };
    return str_trim(rest);
}

void secret_wipe(Buf *text)
{
    if (text->ptr)
        explicit_bzero(text->ptr, text->cap);
    buf_free(text);
}
