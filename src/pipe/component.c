/* component.c - names of components: their kinds, their types, their ids. */
#include "pipe/component.h"

#include <string.h>

enum {
    ID_TYPE_MAX = 63,  /* characters, the public Collector's bounds */
    ID_NAME_MAX = 1024 /* likewise */
};

static const struct {
    const char *name, *section;
} kinds[COMPONENT_KIND_COUNT] = {
    [RECEIVER] = { "receiver", "receivers" },    [PROCESSOR] = { "processor", "processors" },
    [EXPORTER] = { "exporter", "exporters" },    [CONNECTOR] = { "connector", "connectors" },
    [EXTENSION] = { "extension", "extensions" },
};

const char *component_kind_name(ComponentKind kind)
{
    return kinds[kind].name;
}

const char *component_kind_section(ComponentKind kind)
{
    return kinds[kind].section;
}

/* --- types --------------------------------------------------------------------------------- */

static bool is_listed(const char *const *names, Str name)
{
    for (size_t i = 0; names && names[i]; i++)
        if (str_eq(str_from(names[i]), name))
            return true;
    return false;
}

const ComponentType *component_find(const ComponentType *const *registry, ComponentKind kind,
                                    Str name)
{
    for (size_t i = 0; registry[i]; i++) {
        const ComponentType *type = registry[i];
        if (type->kind == kind &&
            (str_eq(str_from(type->name), name) || is_listed(type->aliases, name) ||
             is_listed(type->retired, name)))
            return type;
    }
    return NULL;
}

bool component_is_retired_name(const ComponentType *type, Str name)
{
    return is_listed(type->retired, name);
}

/* --- ids ----------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_type(Str s)
{
    if (!s.len || s.len > ID_TYPE_MAX || !is_letter(s.ptr[0]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_letter(s.ptr[i]) && !(s.ptr[i] >= '0' && s.ptr[i] <= '9') && s.ptr[i] != '_')
            return false;
    return true;
}

/* Separators, controls and symbols, as far as a keyboard or a careless copy brings them. */
static bool is_barred(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x00, 0x20 },       { '$', '$' },       { '+', '+' },       { '<', '>' },
        { '^', '^' },         { '`', '`' },       { '|', '|' },       { 0x7E, 0xA0 },
        { 0xA2, 0xA6 },       { 0xA8, 0xA9 },     { 0xAC, 0xB1 },     { 0xB4, 0xB4 },
        { 0xB8, 0xB8 },       { 0xD7, 0xD7 },     { 0xF7, 0xF7 },     { 0x1680, 0x1680 },
        { 0x2000, 0x200F },   { 0x2028, 0x202F }, { 0x2044, 0x2044 }, { 0x205F, 0x2064 },
        { 0x20A0, 0x20C0 },   { 0x2190, 0x2307 }, { 0x230C, 0x2328 }, { 0x232B, 0x245F },
        { 0x2500, 0x2767 },   { 0x3000, 0x3000 }, { 0xE000, 0xF8FF }, { 0xFEFF, 0xFEFF },
        { 0x1F300, 0x1FAFF },
    };
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

static uint32_t code_point(Str s, size_t step)
{
    static const unsigned char first_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    uint32_t c = (unsigned char)s.ptr[0] & first_bits[step];
    for (size_t i = 1; i < step; i++)
        c = c << 6 | ((unsigned char)s.ptr[i] & 0x3Fu);
    return c;
}

static bool check_name(Str name, Err *err)
{
    size_t count = 0;
    bool good = true;
    for (Str rest = name; rest.len; count++) {
        size_t step = utf8_step(rest);
        good = good && step && !is_barred(code_point(rest, step));
        rest = str_skip(rest, step ? step : 1);
    }
    if (!good)
        return fail(err, ERR_INPUT, "invalid character(s) in name \"%.*s\"", STR_ARG(name));
    if (count > ID_NAME_MAX)
        return fail(err, ERR_INPUT, "name \"%.*s...\" is longer than %d characters (%zu)",
                    STR_ARG(str_first(name, 32)), ID_NAME_MAX, count);
    return true;
}

bool component_id_parse(Str text, ComponentId *out, Err *err)
{
    Str rest = text, type = { 0 };
    if (!str_trim(text).len)
        return fail(err, ERR_INPUT, "id must not be empty");
    bool has_name = memchr(text.ptr, '/', text.len) != NULL;
    if (!str_split(&rest, '/', &type))
        rest = (Str){ 0 };
    *out = (ComponentId){ .type = str_trim(type), .name = str_trim(rest) };
    if (!out->type.len)
        return fail(err, ERR_INPUT, "in \"%.*s\" id: the part before / should not be empty",
                    STR_ARG(text));
    if (has_name && !out->name.len)
        return fail(err, ERR_INPUT, "in \"%.*s\" id: the part after / should not be empty",
                    STR_ARG(text));
    if (!is_type(out->type))
        return fail(err, ERR_INPUT, "invalid character(s) in type \"%.*s\"", STR_ARG(out->type));
    return check_name(out->name, err);
}
