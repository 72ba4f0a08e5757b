/* made_item.c - see made_item.h. */
#include "cmd/made_item.h"

#include "codec/json_number.h"
#include "model/semconv.h"

#include <cryostorm/version.h>

static bool quoted(Str text)
{
    return text.len >= 2 && str_starts(text, STR("\"")) && str_ends(text, STR("\""));
}

static void add_typed(Buf *out, uint32_t number, Str key, Str value)
{
    int64_t integer;
    double real;
    bool yes = str_eq(value, STR("true"));
    if (quoted(value))
        encode_text(out, number, key, str_first(str_skip(value, 1), value.len - 2));
    else if (yes || str_eq(value, STR("false")))
        encode_bool(out, number, key, yes);
    else if (str_to_i64(value, &integer))
        encode_int(out, number, key, integer);
    else if (json_number_double(value, &real))
        encode_double(out, number, key, real);
    else
        encode_text(out, number, key, value);
}

bool made_attribute(Buf *out, uint32_t number, const char *pair, Err *err)
{
    Str value = str_from(pair), key = { NULL, 0 };
    size_t at = 0;
    while (at < value.len && value.ptr[at] != '=')
        at++;
    key = str_first(value, at);
    if (at == value.len || key.len == 0)
        return fail(err, ERR_INPUT, "'%s': write an attribute as KEY=VALUE", pair);
    if (!utf8_valid(value))
        return fail(err, ERR_INPUT, "attribute %.*s: not UTF-8", STR_ARG(key));
    add_typed(out, number, key, str_skip(value, at + 1));
    return true;
}

bool made_attributes(Buf *out, uint32_t number, const OptionWords *pairs, Err *err)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (!made_attribute(out, number, pairs->items[i], err))
            return false;
    return true;
}

MadeRequest made_request_open(Buf *out, Str service)
{
    MadeRequest made = { .out = out, .group = wire_open(out, REQUEST_GROUP) };
    size_t resource = wire_open(out, GROUP_RESOURCE);
    encode_text(out, RESOURCE_ATTRIBUTES, STR(ATTR_SERVICE_NAME), service);
    wire_close(out, resource);
    made.scopes = wire_open(out, GROUP_SCOPES);
    const ScopeView scope = { .name = STR("cryostorm"), .version = STR(CRYO_VERSION) };
    encode_scope(out, &scope);
    return made;
}

void made_request_close(MadeRequest *made)
{
    wire_close(made->out, made->scopes);
    wire_close(made->out, made->group);
}
