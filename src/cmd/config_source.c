/* config_source.c - where configurations come from; see config_source.h. */
#include "cmd/config_source.h"

#include "base/clock.h"
#include "cmd/http_get.h"
#include "config/nearest.h"
#include "config/yaml.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { HTTP_OK = 200, SHOWN_NAMES = 8, SHOWN_BYTES = 300, NAME_BYTES = 120 };

static Node *starve(ConfigReader *reader, const Err *err)
{
    problems_starve(reader->problems, err);
    return NULL;
}

static Node *refuse(ConfigReader *reader, Str source, const Err *err)
{
    problem_error(reader->problems, (Place){ .source = source }, "%s", err->text);
    return NULL;
}

/* ---- files --------------------------------------------------------------------------------------
 */

static bool note_file(ConfigReader *reader, Str path, const char **out, Err *err)
{
    Str copy;
    if (!path.len)
        return fail(err, ERR_INPUT, "file: names no file");
    if (path.len >= PATH_MAX || memchr(path.ptr, 0, path.len))
        return fail(err, ERR_INPUT, "is no name of a file");
    if (reader->file_count == SOURCE_FILES_MAX)
        return fail(err, ERR_LIMIT, "more than %d files for one configuration", SOURCE_FILES_MAX);
    if (!arena_copy(reader->arena, path, &copy, err))
        return false;
    reader->files[reader->file_count++] = copy;
    *out = copy.ptr;
    return true;
}

typedef struct Names { /* of the configurations in a directory */
    Buf list;
    size_t count;
    Nearest nearest;
    char kept[NAME_BYTES]; /* the nearest one's name */
} Names;

static bool looks_like_config(Str name)
{
    return str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml"));
}

static bool found_name(void *context, Str name)
{
    Names *names = context;
    Str before = names->nearest.name;
    if (!looks_like_config(name) || name.len >= NAME_BYTES)
        return true;
    nearest_try(&names->nearest, name);
    if (names->nearest.name.ptr != before.ptr) {
        snprintf(names->kept, sizeof names->kept, "%.*s", STR_ARG(name));
        names->nearest.name = str_from(names->kept);
    }
    if (names->count++ < SHOWN_NAMES)
        buf_addf(&names->list, "%s%.*s", names->list.len ? ", " : "", STR_ARG(name));
    return true;
}

/* A directory instead of a file: which of the files in it may be meant. */
static bool refuse_directory(ConfigReader *reader, const char *path, Err *err)
{
    Names names = { .list = BUF(SHOWN_BYTES) };
    Err unused;
    bool listed = reader->disk->list(reader->disk, path, found_name, &names, &unused);
    if (listed && names.count)
        fail(err, ERR_INPUT,
             "is a directory; give each file that is meant with its own --config (there are: "
             "%.*s%s)",
             STR_ARG(buf_str(&names.list)), names.count > SHOWN_NAMES ? ", ..." : "");
    else
        fail(err, ERR_INPUT, "is a directory, and there is no .yaml in it; give a file");
    buf_free(&names.list);
    return false;
}

/* A file that is not there: perhaps another name in the same directory is meant. */
static bool refuse_missing(ConfigReader *reader, const char *path, Err *err)
{
    const char *slash = strrchr(path, '/');
    Str name = str_from(slash ? slash + 1 : path);
    char directory[PATH_MAX] = ".";
    if (slash)
        snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path),
                 path);
    Names names = { .list = BUF(SHOWN_BYTES), .nearest = { .given = name } };
    Err unused;
    bool listed = reader->disk->list(reader->disk, directory, found_name, &names, &unused);
    buf_free(&names.list);
    fail(err, ERR_INPUT, "no such file" NEAREST_FORMAT,
         NEAREST_ARG(listed ? names.nearest : (Nearest){ 0 }));
    return false;
}

static bool read_file(ConfigReader *reader, Str path, Buf *text, Err *err)
{
    DiskInfo info;
    const char *name = NULL; /* set when the file is noted */
    if (!note_file(reader, path, &name, err) || !reader->disk->info(reader->disk, name, &info, err))
        return false;
    if (!info.exists)
        return refuse_missing(reader, name, err);
    if (info.is_directory)
        return refuse_directory(reader, name, err);
    if (!info.is_file)
        return fail(err, ERR_INPUT,
                    "is neither a file nor a directory; a pipe can be given as "
                    "--config \"yaml:$(command)\"");
    return disk_read_all(reader->disk, name, text, err);
}

/* ---- HTTP ---------------------------------------------------------------------------------------
 */

/* The end of "http://host:port", where path or query begin. */
static size_t base_end(Str url)
{
    size_t at = 0;
    while (at < url.len && !str_starts(str_skip(url, at), STR("://")))
        at++;
    for (at += 3; at < url.len && url.ptr[at] != '/' && url.ptr[at] != '?'; at++)
        continue;
    return at < url.len ? at : url.len;
}

static bool fetch(ConfigReader *reader, Str url, Buf *text, Err *err)
{
    if (reader->fetches++ == SOURCE_FETCHES_MAX)
        return fail(err, ERR_LIMIT, "more than %d answers for one configuration",
                    SOURCE_FETCHES_MAX);
    Str base, target = str_skip(url, base_end(url));
    if (!arena_copy(reader->arena, str_first(url, base_end(url)), &base, err))
        return false;
    HttpGot answer;
    const HttpAsk wish = { .base = base.ptr,
                           .target = target,
                           .timeout_ns = SOURCE_FETCH_SECONDS * NANOS_PER_SECOND,
                           .body_max = YAML_BYTES_MAX };
    if (!http_get(&wish, &answer, err))
        return false;
    if (answer.status == HTTP_OK)
        buf_add(text, buf_str(&answer.body));
    else
        fail(err, ERR_INPUT, "the server answers %d", answer.status);
    buf_free(&answer.body);
    return answer.status == HTTP_OK;
}

/* A password may stand in front of the host or behind the question mark. */
static Str url_shown(Str url)
{
    size_t at = 0;
    while (at < url.len && url.ptr[at] != '?' && url.ptr[at] != '@')
        at++;
    if (at < url.len && url.ptr[at] == '@')
        return str_first(url, 6);
    return str_first(url, at);
}

/* ---- one --config -------------------------------------------------------------------------------
 */

static Node *unfold(ConfigReader *reader, Node *root, Str source)
{
    Err err;
    char shown[128];
    if (!root)
        return NULL;
    if (root->kind == NODE_NULL)
        *root = (Node){ .kind = NODE_MAP, .place = root->place };
    if (root->kind != NODE_MAP) {
        problem_error(reader->problems, root->place, "must be a map of settings, not %s",
                      node_describe(root, shown, sizeof shown));
        return NULL;
    }
    return node_unfold(reader->arena, root, &err) ? root : refuse(reader, source, &err);
}

static Node *parse(ConfigReader *reader, Str text, Str source)
{
    return unfold(reader, yaml_parse(text, source, reader->arena, reader->problems), source);
}

static Node *from_file(ConfigReader *reader, Str path)
{
    Err err;
    Buf text = BUF(YAML_BYTES_MAX);
    Node *root = read_file(reader, path, &text, &err) ? parse(reader, buf_str(&text), path)
                                                      : refuse(reader, path, &err);
    buf_free(&text);
    return root;
}

static Node *from_http(ConfigReader *reader, Str url)
{
    Err err;
    Buf text = BUF(YAML_BYTES_MAX);
    Node *root = NULL;
    if (!fetch(reader, url, &text, &err) || !buf_ok(&text, &err))
        refuse(reader, url_shown(url), &err);
    else
        root = parse(reader, buf_str(&text), url_shown(url));
    buf_free(&text);
    return root;
}

static Node *from_variable(ConfigReader *reader, Str uri)
{
    Str text, name = str_skip(uri, sizeof "env:" - 1);
    if (reader->variables->find(reader->variables->context, name, &text))
        return parse(reader, text, uri);
    problem_error(reader->problems, (Place){ .source = uri },
                  "the environment variable %.*s is not set", STR_ARG(name));
    return NULL;
}

/* "yaml:exporters::debug::verbosity": up to the first value. */
static Str yaml_shown(Str uri)
{
    size_t at = sizeof "yaml:" - 1;
    while (at < uri.len && uri.ptr[at] != '\n' && uri.ptr[at] != '{' &&
           !str_starts(str_skip(uri, at), STR(": ")))
        at++;
    return str_first(uri, at < NAME_BYTES ? at : NAME_BYTES);
}

static Node *from_nowhere(ConfigReader *reader, Str uri, Str scheme)
{
    static const Str schemes[] = { STR_ROW("file"), STR_ROW("env"), STR_ROW("yaml"),
                                   STR_ROW("http"), STR_ROW("https") };
    Nearest nearest = { .given = scheme };
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        nearest_try(&nearest, schemes[i]);
    problem_error(reader->problems, (Place){ 0 },
                  "unsupported scheme \"%.*s\"" NEAREST_FORMAT
                  " (there are: file, env, yaml, http, https; a file of that name is given as "
                  "file:%.*s)",
                  STR_ARG(scheme), NEAREST_ARG(nearest), STR_ARG(str_first(uri, NAME_BYTES)));
    return NULL;
}

Node *config_source_read(ConfigReader *reader, const char *given)
{
    Str uri = str_from(given), scheme = config_scheme(uri);
    if (!scheme.len)
        return from_file(reader, uri);
    if (str_eq(scheme, STR("file")))
        return from_file(reader, str_skip(uri, sizeof "file:" - 1));
    if (str_eq(scheme, STR("env")))
        return from_variable(reader, uri);
    if (str_eq(scheme, STR("yaml")))
        return parse(reader, str_skip(uri, sizeof "yaml:" - 1), yaml_shown(uri));
    if (str_eq(scheme, STR("http")) || str_eq(scheme, STR("https")))
        return from_http(reader, uri);
    return from_nowhere(reader, uri, scheme);
}

/* ---- one --set ----------------------------------------------------------------------------------
 */

/* What is set stands where the --set stands. */
static void place_all(Node *node, Place place)
{
    node->place = place;
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == NODE_MAP)
            node->pairs[i].place = place;
        place_all(node->kind == NODE_MAP ? node->pairs[i].value : node->items[i], place);
    }
}

/* { a: { b: value } } of "a.b"; NULL: err says why. */
static Node *nest(ConfigReader *reader, Str keys, Node *value, Err *err)
{
    Str key, rest = keys;
    Node *root = node_new(reader->arena, NODE_MAP, value->place, err);
    for (Node *map = root; root && str_split(&rest, '.', &key);) {
        bool last = rest.len == 0;
        if (!key.len) {
            fail(err, ERR_INPUT, "a key is empty");
            return NULL;
        }
        NodePair pair = { .key = key, .place = value->place, .value = value };
        if (!last)
            pair.value = node_new(reader->arena, NODE_MAP, value->place, err);
        if (!pair.value || !node_put(reader->arena, map, pair, err))
            return NULL;
        map = pair.value;
    }
    return root;
}

bool config_source_set(ConfigReader *reader, Node *root, const char *assignment)
{
    Err err;
    Str keys = { 0 }, value = str_from(assignment), shown;
    char source[NAME_BYTES + sizeof "--set "];
    if (!memchr(value.ptr, '=', value.len)) {
        problem_error(reader->problems, (Place){ 0 },
                      "--set %.*s: an equal sign is missing; write --set key.key=value",
                      STR_ARG(str_first(value, NAME_BYTES)));
        return false;
    }
    str_split(&value, '=', &keys);
    snprintf(source, sizeof source, "--set %.*s", STR_ARG(str_first(keys, NAME_BYTES)));
    if (!arena_copy(reader->arena, str_from(source), &shown, &err) ||
        !arena_copy(reader->arena, keys, &keys, &err))
        return starve(reader, &err);
    Node *node = yaml_parse(value, shown, reader->arena, reader->problems);
    if (!node)
        return false;
    place_all(node, (Place){ .source = shown });
    bool ends_well = !str_ends(keys, STR(".")) || fail(&err, ERR_INPUT, "a key is empty");
    Node *over = ends_well ? nest(reader, keys, node, &err) : NULL;
    if (!over)
        return refuse(reader, shown, &err);
    return node_merge(reader->arena, root, over, &err) || starve(reader, &err);
}

/* ---- inside of a value --------------------------------------------------------------------------
 */

static bool find(void *context, Str name, Str *value)
{
    const ConfigReader *reader = context;
    return reader->variables->find(reader->variables->context, name, value);
}

static bool read_text(void *context, Str scheme, Str location, Buf *text, Err *err)
{
    ConfigReader *reader = context;
    if (str_eq(scheme, STR("file")))
        return read_file(reader, location, text, err);
    Str url;
    Buf whole = BUF(EXPAND_REFERENCE_MAX);
    buf_add(&whole, scheme);
    buf_add_byte(&whole, ':');
    buf_add(&whole, location);
    bool good = buf_ok(&whole, err) && arena_copy(reader->arena, buf_str(&whole), &url, err) &&
                fetch(reader, url, text, err);
    buf_free(&whole);
    return good;
}

Environment config_source_environment(ConfigReader *reader)
{
    return (Environment){ .find = find, .context = reader, .read = read_text };
}
