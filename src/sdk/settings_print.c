/* settings_print.c - loaded settings as JSON; see <cryostorm/settings.h>.
 *
 * Rows are printed in their order, and the groups of their names become nested objects: rows of one
 * group stand together in the table.
 */
#include "codec/json.h"
#include "sdk/settings_internal.h"
#include "sdk/value_print.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { JSON_MAX = 4 << 20, GROUPS_MAX = 4, NAME_MAX_LEN = 64, INDENT = 2 };

/* ---- values ---------------------------------------------------------------------------------- */

static void print_list(JsonWriter *json, Str list)
{
    Str part;
    json_array(json);
    while (str_split(&list, ',', &part))
        json_text(json, part);
    json_end(json);
}

static void print_map(JsonWriter *json, const CryoAttrs *map)
{
    json_object(json);
    for (size_t i = 0; i < map->count; i++) {
        json_key(json, (Str){ map->ptr[i].key.ptr, map->ptr[i].key.len });
        value_print(json, &map->ptr[i].value);
    }
    json_end(json);
}

static void print_text(JsonWriter *json, const SettingRow *row, Str text)
{
    json_text(json, row->secret && text.len ? STR("********") : text);
}

static void print_setting(JsonWriter *json, const SettingRow *row, const CryoSettings *settings)
{
    const void *member = setting_value(row, settings);
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_CHOICE:
    case SETTING_SAMPLER: print_text(json, row, str_from(*(const char *const *)member)); break;
    case SETTING_LIST:
    case SETTING_CHOICES:
    case SETTING_EXPORTERS: print_list(json, str_from(*(const char *const *)member)); break;
    case SETTING_SWITCH: json_bool(json, *(const CryoSwitch *)member == CRYO_ON); break;
    case SETTING_PORT: json_i64(json, *(const int32_t *)member); break;
    case SETTING_COUNT: json_i64(json, *(const int64_t *)member); break;
    case SETTING_RATIO: json_double(json, *(const double *)member); break;
    case SETTING_MAP: print_map(json, member); break;
    }
}

/* ---- groups ---------------------------------------------------------------------------------- */

typedef struct Groups { /* the objects that are open */
    Str names[GROUPS_MAX];
    size_t count;
} Groups;

static void print_key(JsonWriter *json, Str name)
{
    char lower[NAME_MAX_LEN];
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (char)tolower((unsigned char)name.ptr[i]);
    json_key(json, (Str){ lower, name.len });
}

/* Closes and opens objects until the row's groups are open; the last part of its name remains. */
static Str enter_groups(JsonWriter *json, Groups *open, Str name)
{
    size_t level = 0;
    for (;; level++) {
        const char *end = name.len ? memmem(name.ptr, name.len, "__", 2) : NULL;
        Str group = end ? str_first(name, (size_t)(end - name.ptr)) : (Str){ NULL, 0 };
        bool same = end && level < open->count && str_eq(open->names[level], group);
        while (!same && open->count > level) {
            json_end(json);
            open->count--;
        }
        if (!end)
            return name;
        if (!same) {
            print_key(json, group);
            json_object(json);
            open->names[open->count++] = group;
        }
        name = str_skip(name, group.len + 2);
    }
}

static void print_origins(JsonWriter *json, const LoadedSettings *loaded)
{
    json_key(json, STR("origin"));
    json_object(json);
    for (size_t id = 0; id < SETTING_COUNT_ALL; id++) {
        const Origin *origin = &loaded->origins[id];
        char text[160];
        if (origin->layer == LAYER_PRESET)
            continue;
        const char *file = origin->layer < LAYER_ENV ? ".env: " : "";
        Str name = origin->layer == LAYER_CODE ? STR("code") : origin->name;
        int len = snprintf(text, sizeof text, "%s%.*s", file, STR_ARG(name));
        json_key(json, str_from(setting_rows[id].key));
        json_text(json, (Str){ text, len < 0 ? 0 : (size_t)len });
    }
    json_end(json);
}

static void print_all(JsonWriter *json, const LoadedSettings *loaded)
{
    Groups open = { .count = 0 };
    json_object(json);
    for (size_t id = 0; id < SETTING_COUNT_ALL; id++) {
        const SettingRow *row = &setting_rows[id];
        print_key(json, enter_groups(json, &open, str_from(row->key)));
        print_setting(json, row, &loaded->settings);
    }
    for (; open.count > 0; open.count--)
        json_end(json);
    print_origins(json, loaded);
    json_end(json);
}

/* ---- layout ---------------------------------------------------------------------------------- */

static void new_line(Buf *out, size_t depth)
{
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < depth * INDENT; i++)
        buf_add_byte(out, ' ');
}

/* Compact JSON with line breaks; empty objects and arrays stay as they are. */
static void lay_out(Str json, Buf *out)
{
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i], next = i + 1 < json.len ? json.ptr[i + 1] : '\0';
        if (in_text) {
            buf_add_byte(out, c);
            if (c == '\\')
                buf_add_byte(out, json.ptr[++i]);
            in_text = c != '"';
            continue;
        }
        in_text = c == '"';
        if (c == '}' || c == ']')
            new_line(out, --depth);
        buf_add_byte(out, c);
        if ((c == '{' && next == '}') || (c == '[' && next == ']'))
            buf_add_byte(out, json.ptr[++i]);
        else if (c == '{' || c == '[')
            new_line(out, ++depth);
        else if (c == ',')
            new_line(out, depth);
        else if (c == ':')
            buf_add_byte(out, ' ');
    }
}

size_t cryo_settings_json(const CryoSettings *loaded, char *out, size_t capacity)
{
    Err err;
    if (!loaded || loaded->loaded != loaded)
        return 0;
    Buf compact = BUF(JSON_MAX), text = BUF(JSON_MAX);
    JsonWriter json = json_writer(&compact);
    print_all(&json, (const LoadedSettings *)(const void *)loaded);
    size_t len = 0;
    if (json_done(&json, &err)) {
        lay_out(buf_str(&compact), &text);
        len = text.failed ? 0 : text.len;
    }
    if (capacity) {
        size_t shown = len < capacity ? len : capacity - 1;
        if (shown)
            memcpy(out, text.ptr, shown);
        out[shown] = '\0';
    }
    buf_free(&compact);
    buf_free(&text);
    return len;
}
