/* site.c - the table of copied sites; see site.h. */
#include "sdk/site.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

#include <pthread.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    Map by_text; /* "name\0file\0function\0line" to Site */
    uint32_t count;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER, .by_text = { .max = SITES_MAX } };

static const Site
    *sites[SITES_MAX]; /* by itself: it begins as zeros, which take no room in a file */

static Str file_name(Str path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return str_skip(path, at);
}

static Str text_of(const CryoSite *site, Buf *out)
{
    Str file = str_from(site->file), function = str_from(site->function);
    if (site->name)
        buf_add(out, str_from(site->name));
    else
        buf_addf(out, "%.*s:%.*s", STR_ARG(file_name(file)), STR_ARG(function));
    Str name = buf_str(out);
    buf_addf(out, "%c%.*s%c%.*s%c%u", 0, STR_ARG(file), 0, STR_ARG(function), 0, site->line);
    return name;
}

/* One block: the struct, then the texts as the key has them. */
static Site *site_copy(const CryoSite *from, Str key, size_t name_len)
{
    Site *site = mem_grow(NULL, sizeof *site + key.len);
    if (!site)
        return NULL;
    char *text = (char *)(site + 1);
    memcpy(text, key.ptr, key.len);
    size_t file_len = strlen(from->file);
    *site = (Site){ .name = { text, name_len },
                    .file = { text + name_len + 1, file_len },
                    .function = { text + name_len + file_len + 2, strlen(from->function) },
                    .line = from->line };
    return site;
}

static uint32_t site_add(const CryoSite *from)
{
    Buf text = BUF(SITE_TEXT_MAX);
    size_t name_len = text_of(from, &text).len;
    Site *site = text.failed ? NULL : map_get(&table.by_text, buf_str(&text));
    uint32_t id = 0;
    if (site) {
        while (id < table.count && sites[id] != site)
            id++;
        id++;
    } else if (!text.failed && table.count < SITES_MAX) {
        Err err;
        site = site_copy(from, buf_str(&text), name_len);
        Str key = { (const char *)(site + 1), text.len };
        if (site && map_put(&table.by_text, key, site, &err)) {
            sites[table.count++] = site;
            id = table.count;
        } else {
            mem_free(site);
        }
    }
    buf_free(&text);
    return id;
}

static COLD uint32_t site_register(CryoSite *site)
{
    pthread_mutex_lock(&table.lock);
    uint32_t id = CRYO_RELAXED(site->id);
    if (id == 0) {
        id = site_add(site);
        CRYO_RELEASE(site->id, id);
    }
    pthread_mutex_unlock(&table.lock);
    return id;
}

const Site *site_find(CryoSite *site)
{
    uint32_t id = CRYO_ACQUIRE(site->id);
    if (UNLIKELY(id == 0))
        id = site_register(site);
    return id ? sites[id - 1] : NULL;
}

void sites_lock(void)
{
    pthread_mutex_lock(&table.lock);
}
void sites_unlock(void)
{
    pthread_mutex_unlock(&table.lock);
}
