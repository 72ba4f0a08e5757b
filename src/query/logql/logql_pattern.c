/* logql_pattern.c - see logql_pattern_internal.h. */
#include "query/logql/logql_pattern_internal.h"

#include <string.h>

static bool is_name(Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], lower = (char)(c | 0x20);
        bool digit = c >= '0' && c <= '9';
        if (!(lower >= 'a' && lower <= 'z') && c != '_' && !(digit && i > 0))
            return false;
    }
    return text.len > 0;
}

/* Where "<name>" begins, and the name; the end of the text where there is none. */
static size_t find_capture(Str text, Str *name)
{
    for (size_t at = 0; at < text.len; at++) {
        if (text.ptr[at] != '<')
            continue;
        Str rest = str_skip(text, at + 1), inner;
        if (memchr(rest.ptr, '>', rest.len) && str_split(&rest, '>', &inner) && is_name(inner))
            return *name = inner, at;
    }
    return text.len;
}

static bool add_part(Arena *arena, PatternPart ***link, PatternPart part, Err *err)
{
    PatternPart *made = ARENA_MAKE(arena, PatternPart, 1, err);
    if (!made)
        return false;
    *made = part;
    **link = made;
    *link = &made->next;
    return true;
}

bool pattern_parse(Arena *arena, Str text, PatternPart **out, Err *err)
{
    *out = NULL;
    if (text.len == 0)
        return fail(err, ERR_INPUT, "invalid pattern: it is empty");
    for (PatternPart **link = out; text.len;) {
        Str name = { 0 };
        size_t at = find_capture(text, &name);
        if (at > 0 && !add_part(arena, &link, (PatternPart){ .text = str_first(text, at) }, err))
            return false;
        text = str_skip(text, at);
        if (!text.len)
            break;
        PatternPart capture = { .text = name, .is_capture = true };
        if (!add_part(arena, &link, capture, err))
            return false;
        text = str_skip(text, name.len + 2);
    }
    for (const PatternPart *part = *out; part && part->next; part = part->next)
        if (part->is_capture && part->next->is_capture)
            return fail(err, ERR_INPUT, "invalid pattern: found consecutive capture");
    return true;
}

static const char *find(Str text, Str part)
{
    return memmem(text.ptr, text.len, part.ptr, part.len);
}

bool pattern_matches(const PatternPart *pattern, Str line)
{
    bool open = false; /* a capture waits for the literal that ends it */
    for (const PatternPart *part = pattern; part; part = part->next) {
        if (part->is_capture) {
            open = true;
            continue;
        }
        bool last = !part->next;
        if (line.len < part->text.len + open)
            return false;
        size_t at = last ? line.len - part->text.len : 0;
        if (open && !last) {
            const char *found = find(str_skip(line, 1), part->text);
            if (!found)
                return false;
            at = (size_t)(found - line.ptr);
        }
        if ((!open && at > 0) || !str_starts(str_skip(line, at), part->text))
            return false;
        line = str_skip(line, at + part->text.len);
        open = false;
    }
    return open == (line.len > 0);
}

bool pattern_walk(PatternWalk *walk, Str *name, Str *value)
{
    while (walk->next) {
        const PatternPart *part = walk->next;
        if (!part->is_capture) {
            if (!str_starts(walk->rest, part->text))
                return walk->next = NULL, false;
            walk->rest = str_skip(walk->rest, part->text.len);
            walk->next = part->next;
            continue;
        }
        Str taken = walk->rest;
        if (part->next) {
            const char *found = find(walk->rest, part->next->text);
            if (!found)
                return walk->next = NULL, false;
            taken.len = (size_t)(found - walk->rest.ptr);
        }
        walk->rest = str_skip(walk->rest, taken.len);
        walk->next = part->next;
        *name = part->text;
        *value = taken;
        if (!str_eq(part->text, STR("_")))
            return true;
    }
    return false;
}
