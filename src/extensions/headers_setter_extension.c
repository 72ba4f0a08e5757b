/* headers_setter_extension.c - headers of what exporters send, from the settings or from whoever
 * sent the data.
 *
 * The rules act in order on one request: insert sets a header that is not there, update one that
 * is, upsert either, delete takes it away. A value is a constant, a header of the client
 * (`from_context`: its receiver needs include_metadata), or what an authenticator found out about
 * it (`from_attribute`). Where the client has none, `default_value` stands in; without one the rule
 * sets an empty value, as in the public Collector, and update and insert leave such a header out.
 *
 * Batches of several clients have no client, unless the batch processor keeps them apart by
 * `metadata_keys`. Nothing changes after the start, so nothing is guarded.
 */
#include "base/mem.h"
#include "config/field.h"
#include "pipe/auth.h"
#include "pipe/component.h"

#include <ctype.h>

enum { KEY_MAX = 128 };

typedef enum HeaderAction { INSERT, UPDATE, UPSERT, DELETE } HeaderAction;

static const char *const action_names[] = { "insert", "update", "upsert", "delete", NULL };

typedef struct HeaderRule {
    Str key, from_context, from_attribute;
    Secret value, default_value;
    int action;
} HeaderRule;

typedef struct HeaderRules {
    HeaderRule *items;
    size_t count;
} HeaderRules;

typedef struct HeadersSetter {
    Component base;
    HeaderRules headers;   /* settings */
    char (*keys)[KEY_MAX]; /* state: in lower case */
    ClientAuth client;
} HeadersSetter;

static const ConfigField rule_fields[] = {
    TEXT(HeaderRule, key, "", "The header."),
    CHOICE(HeaderRule, action, "upsert", action_names, "What to do with it."),
    SECRET(HeaderRule, value, "", "Its value."),
    TEXT(HeaderRule, from_context, "", "The header of the client that has the value."),
    TEXT(HeaderRule, from_attribute, "",
         "What the client's authenticator found out and has the value, such as username."),
    SECRET(HeaderRule, default_value, "", "The value where the client has none."),
    LATER("value_file", "a value from a file"),
    { 0 },
};

static const ConfigField fields[] = {
    SECTION_LIST(HeadersSetter, headers, HeaderRule, rule_fields, "The rules, in order."),
    LATER("additional_auth", "a second authenticator behind this one"),
    { 0 },
};

static bool check_rule(const HeaderRule *rule, Err *err)
{
    int sources = (rule->value.hidden.len > 0) + (rule->from_context.len > 0) +
                  (rule->from_attribute.len > 0);
    if (!rule->key.len || rule->key.len >= KEY_MAX)
        return fail(err, ERR_INPUT, "missing header name: key must have 1 to %d characters",
                    KEY_MAX - 1);
    for (size_t i = 0; i < rule->key.len; i++)
        if (!isgraph((unsigned char)rule->key.ptr[i]) || rule->key.ptr[i] == ':')
            return fail(err, ERR_INPUT, "key: not the name of a header");
    if (rule->action == DELETE)
        return true;
    if (sources == 0)
        return fail(err, ERR_INPUT,
                    "missing header source, must be 'from_context', 'from_attribute' or 'value'");
    return sources == 1 ||
           fail(err, ERR_INPUT,
                "invalid header source, must either 'from_context', 'from_attribute' or 'value'");
}

static bool setter_check(const void *self, Err *err)
{
    const HeadersSetter *setter = self;
    if (!setter->headers.count)
        return fail(err, ERR_INPUT, "missing headers configuration: headers must have a rule");
    for (size_t i = 0; i < setter->headers.count; i++)
        if (!check_rule(&setter->headers.items[i], err))
            return blame(err, "headers[%zu]", i);
    return true;
}

/* ---- one request ----------------------------------------------------------------------------- */

/* Several values of one name: nobody can say which is meant. */
static bool from_client(const ClientInfo *client, ClientPart part, Str name, Str *out, Err *err)
{
    size_t found = 0;
    for (size_t i = 0; client && i < client_info_count(client, part); i++) {
        HttpField field = client_info_at(client, part, i);
        if (!str_eq_nocase(field.name, name))
            continue;
        if (found++ == 0)
            *out = field.value;
    }
    return found < 2 || part == CLIENT_AUTH ||
           fail(err, ERR_INPUT, "the client sent %zu headers %.*s: which one is meant?", found,
                STR_ARG(name));
}

static bool value_of(const HeaderRule *rule, const ClientInfo *client, Str *out, Err *err)
{
    *out = secret_reveal(rule->value);
    if (rule->from_context.len &&
        !from_client(client, CLIENT_METADATA, rule->from_context, out, err))
        return false;
    if (rule->from_attribute.len &&
        !from_client(client, CLIENT_AUTH, rule->from_attribute, out, err))
        return false;
    if (!out->len)
        *out = secret_reveal(rule->default_value);
    return true;
}

static bool apply(const HeaderRule *rule, Str key, const ClientInfo *client, HttpFields *sent,
                  Err *err)
{
    Str value, before = http_fields_get(sent, key);
    if (rule->action == DELETE) {
        http_fields_remove(sent, key);
        return true;
    }
    if (!value_of(rule, client, &value, err))
        return false;
    bool acts = rule->action == UPSERT || (rule->action == UPDATE) == (before.len > 0);
    return !acts || http_fields_set(sent, key, value, err);
}

static bool sign(void *self, const ClientInfo *client, HttpFields *sent, Err *err)
{
    HeadersSetter *setter = self;
    for (size_t i = 0; i < setter->headers.count; i++)
        if (!apply(&setter->headers.items[i], str_from(setter->keys[i]), client, sent, err))
            return false;
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool setter_start(void *self, Err *err)
{
    HeadersSetter *setter = self;
    setter->keys = mem_zeroed(setter->headers.count, KEY_MAX, err);
    if (!setter->keys)
        return false;
    for (size_t i = 0; i < setter->headers.count; i++) {
        Str key = setter->headers.items[i].key;
        for (size_t k = 0; k < key.len; k++)
            setter->keys[i][k] = (char)tolower((unsigned char)key.ptr[k]);
    }
    setter->client = (ClientAuth){ .self = setter, .sign = sign };
    return true;
}

static void setter_stop(void *self)
{
    HeadersSetter *setter = self;
    mem_free(setter->keys);
    setter->keys = NULL;
}

static void *setter_service(void *self, ServiceKind kind)
{
    HeadersSetter *setter = self;
    return kind == SERVICE_CLIENT_AUTH && setter->keys ? &setter->client : NULL;
}

const ComponentType headers_setter_extension = {
    .name = "headers_setter",
    .summary = "Sets headers of what exporters send, also from whoever sent the data.",
    .kind = EXTENSION,
    .stability = BETA,
    .placement = SINGLE,
    .size = sizeof(HeadersSetter),
    .fields = fields,
    .check = setter_check,
    .start = setter_start,
    .stop = setter_stop,
    .service = setter_service,
};
