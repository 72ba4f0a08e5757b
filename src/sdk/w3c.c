/* w3c.c - Trace Context's two texts, and the public functions on trace states; see w3c.h. */
#include "sdk/w3c.h"

#include <cryostorm/propagation.h>

#include <string.h>

enum {
    KEY_MAX = 256,
    VALUE_MAX = 256,
    LONG_MEMBER = 128, /* what goes first when a list must be cut, says the specification */
    KNOWN_FLAGS = CRYO_FLAG_SAMPLED | CRYO_FLAG_RANDOM,
};

/* ---- traceparent ----------------------------------------------------------------------------- */

static bool lower_hex(Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static bool parse_hex(Str text, uint8_t *out, size_t n)
{
    return lower_hex(text) && str_unhex(text, out, n);
}

static Str piece(Str text, size_t from, size_t len)
{
    return str_first(str_skip(text, from), len);
}

bool traceparent_parse(Str text, CryoSpanContext *out)
{
    text = str_trim(text);
    if (text.len < TRACEPARENT_LEN || text.ptr[2] != '-' || text.ptr[35] != '-' ||
        text.ptr[52] != '-')
        return false;
    uint8_t version, flags;
    CryoSpanContext parsed = *out;
    if (!parse_hex(piece(text, 0, 2), &version, 1) || version == 0xFF ||
        !parse_hex(piece(text, 3, 32), parsed.trace_id, sizeof parsed.trace_id) ||
        !parse_hex(piece(text, 36, 16), parsed.span_id, sizeof parsed.span_id) ||
        !parse_hex(piece(text, 53, 2), &flags, 1))
        return false;
    if (text.len > TRACEPARENT_LEN && (version == 0 || text.ptr[TRACEPARENT_LEN] != '-'))
        return false; /* only later versions may have more, behind a dash */
    parsed.flags = flags & KNOWN_FLAGS;
    if (!cryo_span_context_valid(&parsed))
        return false;
    *out = parsed;
    return true;
}

void traceparent_write(const CryoSpanContext *context, char out[TRACEPARENT_LEN])
{
    uint8_t flags = context->flags & KNOWN_FLAGS;
    memcpy(out, "00-", 3);
    hex_write(out + 3, context->trace_id, sizeof context->trace_id);
    out[35] = '-';
    hex_write(out + 36, context->span_id, sizeof context->span_id);
    out[52] = '-';
    hex_write(out + 53, &flags, 1);
}

/* ---- tracestate ------------------------------------------------------------------------------ */

static bool key_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool key_valid(Str key)
{
    if (key.len == 0 || key.len > KEY_MAX || !key_start(key.ptr[0]))
        return false;
    for (size_t i = 1; i < key.len; i++)
        if (!key_start(key.ptr[i]) && !memchr("_-*/@", key.ptr[i], 5))
            return false;
    return true;
}

static bool value_valid(Str value)
{
    if (value.len == 0 || value.len > VALUE_MAX || value.ptr[value.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c < 0x20 || c > 0x7E || c == ',' || c == '=')
            return false;
    }
    return true;
}

typedef struct Member {
    Str key, value;
} Member;

typedef struct Members {
    Member list[TRACE_STATE_MEMBERS];
    size_t count;
} Members;

static size_t member_len(Member member)
{
    return member.key.len + 1 + member.value.len;
}

static bool member_parse(Str text, Member *out)
{
    const char *equals = memchr(text.ptr, '=', text.len);
    if (!equals)
        return false;
    size_t at = (size_t)(equals - text.ptr);
    *out = (Member){ str_first(text, at), str_skip(text, at + 1) };
    return key_valid(out->key) && value_valid(out->value);
}

static Member *member_find(Members *members, Str key)
{
    for (size_t i = 0; i < members->count; i++)
        if (str_eq(members->list[i].key, key))
            return &members->list[i];
    return NULL;
}

/* White space at a member's ends belongs to the list; spaces at a value's front belong to it. */
static Str member_trim(Str text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = str_skip(text, 1);
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool members_parse(Str text, Members *out)
{
    out->count = 0;
    Str part;
    while (str_split(&text, ',', &part)) {
        part = member_trim(part);
        if (part.len == 0)
            continue;
        Member member;
        if (out->count == TRACE_STATE_MEMBERS || !member_parse(part, &member) ||
            member_find(out, member.key))
            return false;
        out->list[out->count++] = member;
    }
    return true;
}

static size_t members_len(const Members *members)
{
    size_t len = members->count ? members->count - 1 : 0;
    for (size_t i = 0; i < members->count; i++)
        len += member_len(members->list[i]);
    return len;
}

static void member_drop(Members *members, size_t i)
{
    members->count--;
    memmove(&members->list[i], &members->list[i + 1], (members->count - i) * sizeof(Member));
}

static void members_cut(Members *members, size_t max)
{
    for (size_t i = members->count; i-- > 0 && members_len(members) > max;)
        if (member_len(members->list[i]) > LONG_MEMBER)
            member_drop(members, i);
    while (members_len(members) > max)
        members->count--;
}

/* The members may point into the context's own text. */
static void members_store(Members *members, CryoSpanContext *out)
{
    char text[CRYO_TRACE_STATE_MAX];
    size_t len = 0;
    members_cut(members, sizeof text);
    for (size_t i = 0; i < members->count; i++) {
        Member member = members->list[i];
        if (i > 0)
            text[len++] = ',';
        memcpy(text + len, member.key.ptr, member.key.len);
        len += member.key.len;
        text[len++] = '=';
        memcpy(text + len, member.value.ptr, member.value.len);
        len += member.value.len;
    }
    memcpy(out->trace_state, text, len);
    out->trace_state_len = (uint16_t)len;
}

bool trace_state_parse(Str text, CryoSpanContext *out)
{
    Members members;
    out->trace_state_len = 0;
    if (!members_parse(text, &members))
        return false;
    members_store(&members, out);
    return true;
}

/* ---- the public functions -------------------------------------------------------------------- */

static Members members_of(const CryoSpanContext *context)
{
    Members members;
    size_t len = context->trace_state_len;
    if (len > CRYO_TRACE_STATE_MAX || !members_parse((Str){ context->trace_state, len }, &members))
        members.count = 0;
    return members;
}

bool cryo_trace_state_get(const CryoSpanContext *context, CryoString key, CryoString *value)
{
    Members members = members_of(context);
    Member *member = member_find(&members, (Str){ key.ptr, key.len });
    if (!member)
        return false;
    *value = (CryoString){ member->value.ptr, member->value.len };
    return true;
}

bool cryo_trace_state_remove(CryoSpanContext *context, CryoString key)
{
    Members members = members_of(context);
    Member *member = member_find(&members, (Str){ key.ptr, key.len });
    if (!member)
        return false;
    member_drop(&members, (size_t)(member - members.list));
    members_store(&members, context);
    return true;
}

bool cryo_trace_state_set(CryoSpanContext *context, CryoString key, CryoString value)
{
    Member fresh = { { key.ptr, key.len }, { value.ptr, value.len } };
    if (!key_valid(fresh.key) || !value_valid(fresh.value) ||
        member_len(fresh) > CRYO_TRACE_STATE_MAX)
        return false;
    Members members = members_of(context);
    Member *old = member_find(&members, fresh.key);
    if (old)
        member_drop(&members, (size_t)(old - members.list));
    else if (members.count == TRACE_STATE_MEMBERS)
        members.count--;
    memmove(&members.list[1], &members.list[0], members.count * sizeof(Member));
    members.list[0] = fresh;
    members.count++;
    while (members_len(&members) > CRYO_TRACE_STATE_MAX && members.count > 1)
        members.count--; /* never the one just set */
    members_store(&members, context);
    return true;
}
