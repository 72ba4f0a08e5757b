/* route.c - finding the handler for a path and a method; see route_internal.h.
 *
 * A linear walk: a server has a handful of routes, and comparing lengths first makes a miss cheap.
 */
#include "net/route_internal.h"

#include "base/mem.h"

static bool grow(RouteTable *table, Err *err)
{
    if (table->count < table->cap)
        return true;
    if (table->count == ROUTES_MAX)
        return fail(err, ERR_LIMIT, "more than %d routes", ROUTES_MAX);
    size_t cap = table->cap ? table->cap * 2 : 8;
    RouteEntry *entries = mem_grow(table->entries, cap * sizeof *entries);
    if (!entries)
        return fail(err, ERR_MEMORY, "no memory for %zu routes", cap);
    table->entries = entries;
    table->cap = cap;
    return true;
}

bool route_add(RouteTable *table, const Route *route, Err *err)
{
    if (!str_starts(route->path, STR("/")) && !str_eq(route->path, STR("*")))
        return fail(err, ERR_INPUT, "the path \"%.*s\" does not begin with /",
                    STR_ARG(route->path));
    if (!grow(table, err))
        return false;
    RouteEntry entry = { .handle = route->handle,
                         .owner = route->owner,
                         .body_bytes = route->body_bytes,
                         .prefix = str_ends(route->path, STR("*")) };
    entry.path = mem_copy_text(str_first(route->path, route->path.len - entry.prefix), err);
    entry.methods = entry.path ? mem_copy_text(route->methods, err) : NULL;
    if (!entry.methods) {
        mem_free(entry.path);
        return false;
    }
    table->entries[table->count++] = entry;
    return true;
}

void routes_done(RouteTable *table)
{
    for (size_t i = 0; i < table->count; i++) {
        mem_free(table->entries[i].path);
        mem_free(table->entries[i].methods);
    }
    mem_free(table->entries);
    *table = (RouteTable){ 0 };
}

static bool takes_path(const RouteEntry *entry, Str path)
{
    Str own = str_from(entry->path);
    return entry->prefix ? str_starts(path, own) : str_eq(path, own);
}

static bool takes_method(const RouteEntry *entry, Str method)
{
    Str methods = str_from(entry->methods);
    return methods.len == 0 || http_list_has(methods, method) ||
           (str_eq(method, STR("HEAD")) && http_list_has(methods, STR("GET")));
}

/* An exact path before a prefix, a longer prefix before a shorter one. */
static bool is_better(const RouteEntry *a, const RouteEntry *b)
{
    if (!b || a->prefix != b->prefix)
        return !b || !a->prefix;
    return str_from(a->path).len > str_from(b->path).len;
}

RouteMatch route_find(const RouteTable *table, Str path, Str method, const RouteEntry **out)
{
    bool path_known = false;
    *out = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const RouteEntry *entry = &table->entries[i];
        if (!takes_path(entry, path))
            continue;
        path_known = true;
        if (takes_method(entry, method) && is_better(entry, *out))
            *out = entry;
    }
    if (*out)
        return ROUTE_FOUND;
    return path_known ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

void route_methods(const RouteTable *table, Str path, Buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        Str methods = str_from(table->entries[i].methods), method;
        if (!takes_path(&table->entries[i], path))
            continue;
        while (str_split(&methods, ',', &method)) {
            method = str_trim(method);
            if (http_list_has(buf_str(out), method))
                continue;
            if (out->len > 0)
                buf_add(out, STR(", "));
            buf_add(out, method);
            if (str_eq(method, STR("GET")) && !http_list_has(buf_str(out), STR("HEAD")))
                buf_add(out, STR(", HEAD"));
        }
    }
}
