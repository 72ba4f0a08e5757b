/* yaml.c - YAML text into a tree of nodes; see yaml.h. The only file that knows libfyaml (0.7.12).
 *
 * libfyaml hands out events; a stack of open lists and maps, one level per nesting, takes them. Its
 * own limits are not relied upon, and its document layer, which would resolve aliases by itself and
 * without a bound, is not used. libfyaml allocates from libc, not through base/mem.h; when that
 * fails it reports an error like any other.
 */
#include "config/yaml.h"

#include "base/map.h"

#include <libfyaml.h>

enum { ANCHORS_MAX = 10000 };

typedef struct Anchor {
    Node *node;   /* complete */
    size_t nodes; /* in it, with what its own aliases unfolded to */
} Anchor;

typedef struct Level {
    Node *node; /* the open list or map */
    Str key;    /* map: waits for its value, while has_key */
    Place key_place;
    bool has_key, key_quoted;
    Node *merges;        /* a list of what "<<" gave; NULL: none */
    Str anchor;          /* empty: none */
    size_t nodes_before; /* Reader.nodes when it was opened */
} Level;

typedef struct Reader {
    Arena *arena;
    Problems *problems;
    Str source;
    Str bytes; /* what libfyaml reads */
    struct fy_parser *parser;
    Level levels[YAML_DEPTH_MAX];
    size_t depth, nodes, documents;
    Map anchors;
    Node *root;
} Reader;

static bool starve(Reader *reader, const Err *err)
{
    problems_starve(reader->problems, err);
    return false;
}

static bool refuse(Reader *reader, Place place, const char *what)
{
    problem_error(reader->problems, place, "%s", what);
    return false;
}

static Place place_of(const Reader *reader, const struct fy_mark *mark)
{
    if (!mark)
        return (Place){ .source = reader->source };
    return (Place){ reader->source, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1 };
}

static bool token_text(Reader *reader, struct fy_token *token, Str *out)
{
    Err err;
    size_t len = 0;
    const char *text = token ? fy_token_get_text(token, &len) : "";
    if (!text) {
        fail(&err, ERR_MEMORY, "no memory for a text");
        return starve(reader, &err);
    }
    return arena_copy(reader->arena, (Str){ text, len }, out, &err) || starve(reader, &err);
}

/* ---- single quotes ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* From a line's end to the next text (YAML 1.2, 6.5 "Line Folding"): one break is a space, of
 * several one is left out. Returns how much of `raw` that was. */
static size_t fold(Str raw, Buf *out)
{
    size_t at = 0, breaks = 0;
    while (out->len && (out->ptr[out->len - 1] == ' ' || out->ptr[out->len - 1] == '\t'))
        out->len--;
    for (; at < raw.len && is_space(raw.ptr[at]); at++)
        breaks += raw.ptr[at] == '\n' ||
                  (raw.ptr[at] == '\r' && !str_starts(str_skip(raw, at + 1), STR("\n")));
    if (breaks == 1)
        buf_add_byte(out, ' ');
    for (; breaks > 1; breaks--)
        buf_add_byte(out, '\n');
    return at;
}

/* libfyaml reads '' by itself well, but two of them in a row bring memory that nobody wrote. So
 * such a text is read here, from what stands between its quotes. */
static bool unquote(Reader *reader, Str raw, Str *out)
{
    Err err;
    Buf text = BUF(raw.len);
    for (size_t at = 0; at < raw.len;) {
        if (raw.ptr[at] == '\n' || raw.ptr[at] == '\r') {
            at += fold(str_skip(raw, at), &text);
            continue;
        }
        buf_add_byte(&text, raw.ptr[at]);
        at += raw.ptr[at] == '\'' ? 2 : 1;
    }
    bool ok = buf_ok(&text, &err) && arena_copy(reader->arena, buf_str(&text), out, &err);
    buf_free(&text);
    return ok || starve(reader, &err);
}

static bool scalar_text(Reader *reader, struct fy_token *token, Str *out)
{
    const struct fy_mark *start = fy_token_start_mark(token), *end = fy_token_end_mark(token);
    if (fy_token_scalar_style(token) == FYSS_SINGLE_QUOTED && start && end &&
        start->input_pos <= end->input_pos && end->input_pos <= reader->bytes.len) {
        Str raw = { reader->bytes.ptr + start->input_pos, end->input_pos - start->input_pos };
        if (str_contains(raw, STR("''''")))
            return unquote(reader, raw, out);
    }
    return token_text(reader, token, out);
}

/* Counts a new node against the ceiling and makes it. */
static Node *open_node(Reader *reader, NodeKind kind, Place place)
{
    Err err;
    if (reader->nodes >= YAML_NODES_MAX) {
        problem_error(reader->problems, place, "more than %d values", YAML_NODES_MAX);
        return NULL;
    }
    reader->nodes++;
    Node *node = node_new(reader->arena, kind, place, &err);
    if (!node)
        starve(reader, &err);
    return node;
}

static bool is_null(Str text)
{
    return text.len == 0 || str_eq(text, STR("~")) || str_eq(text, STR("null")) ||
           str_eq(text, STR("Null")) || str_eq(text, STR("NULL"));
}

static bool add_merge(Reader *reader, Level *level, Node *value)
{
    Err err;
    if (value->kind != NODE_MAP && value->kind != NODE_LIST)
        return refuse(reader, value->place, "<< takes a map or a list of maps");
    if (!level->merges)
        level->merges = node_new(reader->arena, NODE_LIST, value->place, &err);
    bool added = level->merges != NULL;
    if (value->kind == NODE_MAP)
        return (added && node_append(reader->arena, level->merges, value, &err)) ||
               starve(reader, &err);
    for (size_t i = 0; added && i < value->count; i++) {
        if (value->items[i]->kind != NODE_MAP)
            return refuse(reader, value->items[i]->place, "<< takes a map or a list of maps");
        added = node_append(reader->arena, level->merges, value->items[i], &err);
    }
    return added || starve(reader, &err);
}

static bool add_pair(Reader *reader, Level *level, Node *value)
{
    Err err;
    level->has_key = false;
    if (!level->key_quoted && str_eq(level->key, STR("<<")))
        return add_merge(reader, level, value);
    const NodePair *old = node_pair(level->node, level->key);
    if (old) {
        problem_error(reader->problems, level->key_place,
                      "the key \"%.*s\" is here already, in line %u",
                      STR_ARG(str_first(level->key, 100)), old->place.line);
        return true; /* the rest may be read */
    }
    NodePair pair = { .key = level->key, .place = level->key_place, .value = value };
    return node_put(reader->arena, level->node, pair, &err) || starve(reader, &err);
}

/* A complete value finds its place in what is open. */
static bool attach(Reader *reader, Node *value)
{
    Err err;
    if (reader->depth == 0) {
        reader->root = value;
        return true;
    }
    Level *level = &reader->levels[reader->depth - 1];
    if (level->node->kind == NODE_LIST)
        return node_append(reader->arena, level->node, value, &err) || starve(reader, &err);
    return add_pair(reader, level, value);
}

static bool name_anchor(Reader *reader, Str name, Node *node, size_t nodes)
{
    Err err;
    if (name.len == 0)
        return true;
    Anchor *anchor = ARENA_MAKE(reader->arena, Anchor, 1, &err);
    if (!anchor)
        return starve(reader, &err);
    *anchor = (Anchor){ .node = node, .nodes = nodes };
    return map_put(&reader->anchors, name, anchor, &err) || starve(reader, &err);
}

static bool waits_for_key(const Reader *reader)
{
    const Level *level = reader->depth ? &reader->levels[reader->depth - 1] : NULL;
    return level && level->node->kind == NODE_MAP && !level->has_key;
}

/* What a tag makes of a scalar: text whatever it looks like, or nothing special. */
static bool read_tag(Reader *reader, struct fy_token *token, bool *is_text)
{
    static const Str plain[] = { STR_ROW("int"),  STR_ROW("float"), STR_ROW("bool"),
                                 STR_ROW("null"), STR_ROW("map"),   STR_ROW("seq") };
    static const Str core = STR_ROW("tag:yaml.org,2002:");
    *is_text = false;
    Str tag;
    if (!token)
        return true;
    if (!token_text(reader, token, &tag))
        return false;
    Str name = str_starts(tag, core) ? str_skip(tag, core.len) : (Str){ 0 };
    *is_text = str_eq(name, STR("str")) || str_eq(tag, STR("!"));
    bool known = *is_text;
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        known = known || str_eq(name, plain[i]);
    if (!known)
        problem_error(reader->problems, place_of(reader, fy_token_start_mark(token)),
                      "the tag \"%.*s\" means nothing here", STR_ARG(str_first(tag, 100)));
    return known;
}

static bool take_key(Reader *reader, Str text, Place place, bool quoted)
{
    Level *level = &reader->levels[reader->depth - 1];
    if (text.len == 0)
        return refuse(reader, place, "a key is empty");
    level->key = text;
    level->key_place = place;
    level->key_quoted = quoted;
    level->has_key = true;
    return true;
}

static bool take_scalar(Reader *reader, struct fy_event *event, Place place)
{
    Str text, anchor;
    bool is_text;
    if (!read_tag(reader, event->scalar.tag, &is_text) ||
        !scalar_text(reader, event->scalar.value, &text) ||
        !token_text(reader, event->scalar.anchor, &anchor))
        return false;
    enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
    bool plain = !is_text && style == FYSS_PLAIN;
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && place.column > 1)
        place.column--; /* libfyaml's mark is behind the quote */
    if (waits_for_key(reader))
        return take_key(reader, text, place, !plain);
    Node *node = open_node(reader, plain && is_null(text) ? NODE_NULL : NODE_SCALAR, place);
    if (!node)
        return false;
    node->text = text;
    node->quoted = !plain;
    return name_anchor(reader, anchor, node, 1) && attach(reader, node);
}

static bool open_level(Reader *reader, NodeKind kind, struct fy_event *event, Place place)
{
    Level level = { .nodes_before = reader->nodes };
    bool is_text;
    if (waits_for_key(reader))
        return refuse(reader, place, "a list or map cannot be a key");
    if (reader->depth == YAML_DEPTH_MAX) {
        problem_error(reader->problems, place, "nested more than %d deep", YAML_DEPTH_MAX);
        return false;
    }
    if (!read_tag(reader, fy_event_get_tag_token(event), &is_text) ||
        !token_text(reader, fy_event_get_anchor_token(event), &level.anchor))
        return false;
    level.node = open_node(reader, kind, place);
    reader->levels[reader->depth] = level;
    reader->depth += level.node ? 1 : 0;
    return level.node != NULL;
}

/* Keys of the map itself win, then those of the first map merged, and so on. */
static bool merge(Reader *reader, Level *level)
{
    Err err;
    for (size_t i = 0; level->merges && i < level->merges->count; i++) {
        const Node *from = level->merges->items[i];
        for (size_t k = 0; k < from->count; k++)
            if (!node_pair(level->node, from->pairs[k].key) &&
                !node_put(reader->arena, level->node, from->pairs[k], &err))
                return starve(reader, &err);
    }
    return true;
}

static bool close_level(Reader *reader)
{
    Level *level = &reader->levels[--reader->depth];
    return merge(reader, level) &&
           name_anchor(reader, level->anchor, level->node, reader->nodes - level->nodes_before) &&
           attach(reader, level->node);
}

/* How deep lists and maps nest in it; bounded, because everything complete has been checked. */
static size_t height(const Node *node)
{
    size_t highest = 0;
    for (size_t i = 0; i < node->count; i++) {
        size_t h = height(node->kind == NODE_MAP ? node->pairs[i].value : node->items[i]);
        highest = h > highest ? h : highest;
    }
    return highest + (node->kind == NODE_MAP || node->kind == NODE_LIST);
}

static bool take_alias(Reader *reader, struct fy_event *event, Place place)
{
    Err err;
    Str name;
    if (!token_text(reader, event->alias.anchor, &name))
        return false;
    if (waits_for_key(reader))
        return refuse(reader, place, "an alias cannot be a key");
    const Anchor *anchor = map_get(&reader->anchors, name);
    if (!anchor) {
        problem_error(reader->problems, place, "no anchor \"&%.*s\" is complete before this alias",
                      STR_ARG(str_first(name, 100)));
        return false;
    }
    if (anchor->nodes > YAML_NODES_MAX - reader->nodes) {
        problem_error(reader->problems, place, "this alias unfolds to more than %d values",
                      YAML_NODES_MAX);
        return false;
    }
    if (reader->depth + height(anchor->node) > YAML_DEPTH_MAX) {
        problem_error(reader->problems, place, "nested more than %d deep", YAML_DEPTH_MAX);
        return false;
    }
    reader->nodes += anchor->nodes;
    Node *copy = node_copy(reader->arena, anchor->node, &err);
    return copy ? attach(reader, copy) : starve(reader, &err);
}

/* An empty value has no mark of its own: its key's, or else that of the list it is in. */
static Place place_of_event(const Reader *reader, struct fy_event *event)
{
    const Level *level = reader->depth ? &reader->levels[reader->depth - 1] : NULL;
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark || !level)
        return place_of(reader, mark);
    return level->has_key ? level->key_place : level->node->place;
}

static bool take_event(Reader *reader, struct fy_event *event)
{
    Place place = place_of_event(reader, event);
    if (event->type == FYET_ALIAS && place.column > 1)
        place.column--; /* libfyaml's mark is behind the star */
    switch (event->type) {
    case FYET_SCALAR: return take_scalar(reader, event, place);
    case FYET_ALIAS: return take_alias(reader, event, place);
    case FYET_SEQUENCE_START: return open_level(reader, NODE_LIST, event, place);
    case FYET_MAPPING_START: return open_level(reader, NODE_MAP, event, place);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END: return close_level(reader);
    case FYET_DOCUMENT_START:
        if (reader->documents++ == 0)
            return true;
        return refuse(reader, place, "a second document begins here; only one is read");
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END: break;
    }
    return true;
}

static void note_syntax(Reader *reader)
{
    struct fy_diag *diag = fy_parser_get_diag(reader->parser);
    void *cursor = NULL;
    bool noted = false;
    for (struct fy_diag_error *e; diag && (e = fy_diag_errors_iterate(diag, &cursor));) {
        Place place = { .source = reader->source };
        if (e->line > 0 && e->column > 0) { /* these count from 1 */
            place.line = (uint32_t)e->line;
            place.column = (uint32_t)e->column;
        }
        problem_error(reader->problems, place, "not valid YAML: %s", e->msg ? e->msg : "");
        noted = true;
    }
    fy_diag_unref(diag);
    if (!noted)
        refuse(reader, place_of(reader, NULL), "not valid YAML");
}

static void read_events(Reader *reader, Str text)
{
    if (text.len == 0)
        return; /* which libfyaml would refuse */
    reader->bytes = text;
    if (fy_parser_set_string(reader->parser, text.ptr, text.len) != 0) {
        refuse(reader, place_of(reader, NULL), "cannot be read as YAML");
        return;
    }
    bool good = true;
    for (struct fy_event *event; good && (event = fy_parser_parse(reader->parser));) {
        good = take_event(reader, event);
        fy_parser_event_free(reader->parser, event);
    }
    if (good && fy_parser_get_stream_error(reader->parser))
        note_syntax(reader);
}

/* Where the text stops being text: at invalid UTF-8 or a control character; or its length. */
static size_t readable(Str text)
{
    size_t at = 0;
    for (size_t step; at < text.len; at += step) {
        unsigned char c = (unsigned char)text.ptr[at];
        step = utf8_step(str_skip(text, at));
        if (!step || c == 0x7f || (c < ' ' && c != '\t' && c != '\n' && c != '\r'))
            break;
    }
    return at;
}

/* What libfyaml takes time for that grows with the square: blank lines in front of a block's text,
 * and directives. Nobody writes so many. */
static bool lines_are_few(Reader *reader, Str text)
{
    Place place = { .source = reader->source, .line = 1, .column = 1 };
    size_t blank = 0, directives = 0;
    bool begins = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        place.line += c == '\n';
        directives += begins && c == '%';
        begins = c == '\n' || c == '\r';
        if (begins)
            blank++;
        else if (c != ' ' && c != '\t')
            blank = 0;
        if (blank > YAML_BLANK_MAX)
            return refuse(reader, place, "too many empty lines in a row");
        if (directives > YAML_DIRECTIVES_MAX)
            return refuse(reader, place, "too many lines that begin with %");
    }
    return true;
}

/* Before libfyaml sees anything: what it would pass over, or chew on for long. */
static bool acceptable(Reader *reader, Str text)
{
    Place place = { .source = reader->source };
    if (text.len > YAML_BYTES_MAX) {
        problem_error(reader->problems, place, "%zu bytes are more than the limit of %d", text.len,
                      YAML_BYTES_MAX);
        return false;
    }
    size_t end = readable(text), line_start = 0;
    if (end == text.len)
        return lines_are_few(reader, text);
    place.line = 1;
    for (size_t i = 0; i < end; i++) {
        if (text.ptr[i] == '\n') {
            place.line++;
            line_start = i + 1;
        }
    }
    place.column = (uint32_t)(end - line_start) + 1;
    bool control = utf8_step(str_skip(text, end)) > 0;
    return refuse(reader, place, control ? "a control character" : "not valid UTF-8");
}

/* libfyaml's own printer; whatever it has to say is collected instead. */
static void say_nothing(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
    (void)diag, (void)user, (void)buf, (void)len;
}

static Node *parse(Reader *reader, Str text)
{
    struct fy_diag_cfg silent;
    fy_diag_cfg_default(&silent);
    silent.fp = NULL;
    silent.output_fn = say_nothing;
    struct fy_diag *diag = fy_diag_create(&silent);
    if (diag)
        fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg settings = { .flags = FYPCF_QUIET, .diag = diag };
    reader->parser = diag ? fy_parser_create(&settings) : NULL;
    if (reader->parser) {
        read_events(reader, text);
        fy_parser_destroy(reader->parser);
    } else {
        Err err;
        fail(&err, ERR_MEMORY, "no memory for the YAML parser");
        starve(reader, &err);
    }
    fy_diag_destroy(diag);
    if (!reader->root) /* nothing but comments */
        reader->root = open_node(reader, NODE_NULL, (Place){ reader->source, 1, 1 });
    return reader->root;
}

Node *yaml_parse(Str text, Str source, Arena *arena, Problems *problems)
{
    Err err;
    size_t errors = problems->errors;
    Reader reader = { .arena = arena, .problems = problems, .anchors = MAP(ANCHORS_MAX) };
    if (!arena_copy(arena, source, &reader.source, &err)) {
        starve(&reader, &err);
        return NULL;
    }
    Node *root = acceptable(&reader, text) ? parse(&reader, text) : NULL;
    map_free(&reader.anchors);
    return problems->errors == errors && problems->starved.kind == ERR_NONE ? root : NULL;
}

Node *yaml_read(Disk *disk, const char *path, Arena *arena, Problems *problems)
{
    Err err;
    Buf text = BUF(YAML_BYTES_MAX);
    Node *root = NULL;
    if (disk_read_all(disk, path, &text, &err))
        root = yaml_parse(buf_str(&text), str_from(path), arena, problems);
    else
        problem_error(problems, (Place){ 0 }, "%s", err.text);
    buf_free(&text);
    return root;
}
